package client

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLagsJSON(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Lags
	}{
		{"[]", Lags{}},
		{"[3,null,0,2147483647]", Lags{3, -1, 0, 2147483647}},
	} {
		var got Lags
		if err := json.Unmarshal([]byte(tt.text), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.text, diff)
		}
		if text, err := json.Marshal(got); string(text) != tt.text || err != nil {
			t.Errorf("got %s, %v, want %s", text, err, tt.text)
		}
	}
	var got Lags
	if err := json.Unmarshal([]byte(`["x"]`), &got); err == nil {
		t.Error("a text was taken for a lag")
	}
	for lag, want := range map[time.Duration]int32{noLag: -1, 0: 0, 1499: 1, 1500: 2, 100 * time.Hour: 2147483647} {
		if got := microseconds(lag); got != want {
			t.Errorf("%v: got %d, want %d", lag, got, want)
		}
	}
}
