package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// CSV renders summaries as a header and one row each. The columns are the keys of summary.json in its order, the keys of
// nested objects joined with "_" (client_ttft_ms_p99, requests_full_failed); an absent value is an empty cell, reasons and
// notes are the names of their rules, a list has its values joined with ";". Every row has every column, so that the rows
// of many runs can be put together.
func CSV(summaries ...Summary) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{csvHeader()}
	for _, s := range summaries {
		var row []string
		flatten("", reflect.TypeFor[Summary](), reflect.ValueOf(s), func(_, value string) { row = append(row, value) })
		rows = append(rows, row)
	}
	_ = w.WriteAll(rows) // a bytes.Buffer takes everything
	return b.Bytes()
}

func csvHeader() []string {
	var header []string
	flatten("", reflect.TypeFor[Summary](), reflect.Value{}, func(name, _ string) { header = append(header, name) })
	return header
}

// flatten calls emit for every leaf of type t under its joined name, also where v is invalid: the columns depend on the type
// alone, never on which values are present.
func flatten(name string, t reflect.Type, v reflect.Value, emit func(name, value string)) {
	if t.Kind() == reflect.Pointer {
		if v.IsValid() {
			v = v.Elem() // invalid for nil
		}
		flatten(name, t.Elem(), v, emit)
		return
	}
	if t.Kind() == reflect.Slice && t.Elem() == reflect.TypeFor[GPUFigures]() {
		flattenList(name, t.Elem(), v, emit)
		return
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() {
		emit(name, leaf(v))
		return
	}
	for field := range t.Fields() {
		key, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		var value reflect.Value
		if v.IsValid() {
			value = v.FieldByIndex(field.Index)
		}
		if value.IsValid() && strings.HasPrefix(options, "omit") && value.IsZero() {
			value = reflect.Value{} // left out of summary.json, so absent here too
		}
		flatten(joinKeys(name, key), field.Type, value, emit)
	}
}

// flattenList calls emit for every leaf of the structs in a list: one cell for the values of all of them.
func flattenList(name string, t reflect.Type, v reflect.Value, emit func(name, value string)) {
	for field := range t.Fields() {
		var cells []string
		for i := range lengthOf(v) {
			cells = append(cells, leaf(reflect.Indirect(v.Index(i).FieldByIndex(field.Index))))
		}
		emit(joinKeys(name, field.Tag.Get("json")), strings.Join(cells, ";"))
	}
}

func lengthOf(v reflect.Value) int {
	if !v.IsValid() {
		return 0
	}
	return v.Len()
}

// joinKeys joins the keys of nested objects; an embedded struct has no key, its fields are those of its parent.
func joinKeys(parent, key string) string {
	if parent == "" || key == "" {
		return parent + key
	}
	return parent + "_" + key
}

// leaf is one cell. Numbers are written as in summary.json.
func leaf(v reflect.Value) string {
	if !v.IsValid() {
		return ""
	}
	switch x := v.Interface().(type) {
	case time.Time:
		return x.Format(time.RFC3339Nano)
	case []Reason:
		return joinRules(x, func(r Reason) string { return r.Rule })
	case []Note:
		return joinRules(x, func(n Note) string { return n.Rule })
	case []string:
		return joinRules(x, func(s string) string { return s })
	case []int:
		return joinRules(x, func(n int) string { return fmt.Sprint(n) })
	case map[string]int:
		return classList(x)
	case map[string]float64:
		return shareList(x)
	}
	if v.Kind() == reflect.String {
		return v.String()
	}
	data, err := json.Marshal(v.Interface())
	if err != nil {
		return ""
	}
	return string(data)
}

func joinRules[T any](list []T, text func(T) string) string {
	parts := make([]string, len(list))
	for i, x := range list {
		parts[i] = text(x)
	}
	return strings.Join(parts, ";")
}
