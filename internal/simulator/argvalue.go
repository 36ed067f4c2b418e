package simulator

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// checkValue reports, in argparse's words, a value that the flag does not take.
func checkValue(spec *flagSpec, value string) error {
	if spec.converter == "optional" && (value == "" || value == "None") {
		return nil
	}
	if err := convertible(spec.kind, value); err != nil {
		return usagef("argument %s: %s", spec.title(), conversionText(spec, value, err))
	}
	if len(spec.choices) > 0 && !slices.Contains(spec.choices, value) {
		return usagef("argument %s: invalid choice: %s (choose from %s)", spec.title(), quotedChoice(spec, value), choiceList(spec))
	}
	return nil
}

// convertible reports whether the value has the form of the kind.
func convertible(kind flagKind, value string) error {
	var err error
	switch kind {
	case kindInt:
		_, err = pythonInt(value)
	case kindFloat:
		_, err = strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(value), "_", ""), 64)
	case kindHuman:
		_, err = humanInt(value)
	case kindHumanAuto:
		if text := strings.ToLower(strings.TrimSpace(value)); text != "auto" && text != "-1" {
			_, err = humanInt(value)
		}
	case kindJSON:
		var v any
		err = json.Unmarshal([]byte(value), &v)
	case kindDuration:
		var d time.Duration
		if d, err = time.ParseDuration(value); err == nil && d < 0 {
			err = fmt.Errorf("negative duration %s", value)
		}
	}
	return err
}

// decimalSuffixError is the one conversion error whose own text argparse shows.
type decimalSuffixError struct{ number, suffix string }

func (e *decimalSuffixError) Error() string {
	return fmt.Sprintf("Decimals are not allowed with binary suffixes like %s. Did you mean to use %s%s instead?",
		e.suffix, e.number, strings.ToLower(e.suffix))
}

func conversionText(spec *flagSpec, value string, err error) string {
	if suffix, ok := err.(*decimalSuffixError); ok {
		return suffix.Error()
	}
	if spec.converter != "optional" {
		return fmt.Sprintf("invalid %s value: %s", spec.converter, pyRepr(value))
	}
	target := map[flagKind]string{
		kindInt: "<class 'int'>", kindFloat: "<class 'float'>",
		kindHuman: "<function human_readable_int at 0x7f0000000000>", kindJSON: "<function loads at 0x7f0000000000>",
	}[spec.kind]
	return fmt.Sprintf("Value %s cannot be converted to %s.", value, target)
}

func quotedChoice(spec *flagSpec, value string) string {
	if spec.kind == kindInt {
		return strings.TrimSpace(value)
	}
	return pyRepr(value)
}

func choiceList(spec *flagSpec) string {
	list := make([]string, len(spec.choices))
	for i, choice := range spec.choices {
		list[i] = quotedChoice(spec, choice)
	}
	return strings.Join(list, ", ")
}

// pythonInt reads an integer as Python's int() does.
func pythonInt(value string) (int, error) {
	text := strings.TrimSpace(value)
	if strings.HasPrefix(text, "_") || strings.HasSuffix(text, "_") || strings.Contains(text, "__") {
		return 0, fmt.Errorf("reading %q: misplaced underscore", value)
	}
	return strconv.Atoi(strings.ReplaceAll(text, "_", ""))
}

var humanPattern = regexp.MustCompile(`^(\d+(?:\.\d+)?)([kKmMgGtT])$`)

// humanInt reads 8192, 8k (8,000), 8K (8,192), 25.6k and the like.
func humanInt(value string) (int, error) {
	match := humanPattern.FindStringSubmatch(strings.TrimSpace(value))
	if match == nil {
		return pythonInt(value)
	}
	number, suffix := match[1], match[2]
	power := strings.Index("kmgt", strings.ToLower(suffix)) + 1
	if suffix == strings.ToLower(suffix) {
		f, err := strconv.ParseFloat(number, 64)
		if f *= math.Pow(1000, float64(power)); err != nil || f >= math.MaxInt64 {
			return 0, fmt.Errorf("reading %q: out of range", value)
		}
		return int(f), nil
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0, &decimalSuffixError{number: number, suffix: suffix}
	}
	if n > math.MaxInt64>>(10*power) {
		return 0, fmt.Errorf("reading %q: out of range", value)
	}
	return n << (10 * power), nil
}
