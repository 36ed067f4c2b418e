package report

import (
	"bytes"
	"encoding/json"
)

// JSON renders the summary as indented JSON that ends in a newline: summary.json. Measured numbers are always there, with
// all their digits, or null when they are absent; facts copied from the manifest are left out when they are not known.
func JSON(s Summary) []byte {
	data, err := encodeJSON(s)
	if err != nil {
		// Only a NaN or an infinity could fail, and no number of a Summary made by Summarize can be one.
		data, _ = encodeJSON(map[string]string{"error": err.Error()})
	}
	return data
}

func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
