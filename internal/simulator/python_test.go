package simulator

import (
	"math"
	"testing"
)

func TestPyFloat(t *testing.T) {
	tests := []struct {
		value    float64
		py, prom string
	}{
		{0, "0.0", "0.0"}, {1, "1.0", "1.0"}, {0.3, "0.3", "0.3"}, {-2.5, "-2.5", "-2.5"}, {123456, "123456.0", "123456.0"},
		{1234567, "1234567.0", "1.234567e+06"}, {1e6, "1000000.0", "1e+06"}, {16777216.5, "16777216.5", "1.67772165e+07"},
		{1.7954759366875615e9, "1795475936.6875615", "1.7954759366875615e+09"}, {4.2e-5, "4.2e-05", "4.2e-05"}, {1e16, "1e+16", "1e+16"},
	}
	for _, tt := range tests {
		if got := pyFloat(tt.value).String(); got != tt.py {
			t.Errorf("%v: got %s, want %s", tt.value, got, tt.py)
		}
		if got := goFloat(tt.value); got != tt.prom {
			t.Errorf("%v in /metrics: got %s, want %s", tt.value, got, tt.prom)
		}
	}
	if got := goFloat(math.Inf(1)); got != "+Inf" {
		t.Errorf("got %s, want +Inf", got)
	}
	if got, err := pyFloat(math.NaN()).MarshalJSON(); string(got) != "null" || err != nil {
		t.Errorf("NaN: got %s, %v; want null", got, err)
	}
}

func TestPyRepr(t *testing.T) {
	for text, want := range map[string]string{
		"plain": `'plain'`, "it's": `"it's"`, `"both'`: `'"both\''`, "a\\b\n\r\t": `'a\\b\n\r\t'`, "": `''`,
	} {
		if got := pyRepr(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
