package server

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func version(t testing.TB, text string) Version {
	t.Helper()
	v, err := ParseVersion(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVersionsInOrder(t *testing.T) {
	// Each is older than the next; spellings in one row are the same.
	rows := [][]string{
		{"0.4.2"}, {"0.6.3.dev1122+gdea33cc8.gaudi000"}, {"0.6.3", "0.6.3+cu118", "v0.6.3"}, {"0.6.3.post1", "0.6.3-1", "0.6.3.r1"},
		{"0.6.4.post1.dev3"}, {"0.6.4.post1"}, {"0.8.0.dev5"}, {"0.8.0a1", "0.8.0-alpha.1"}, {"0.8.0b2", "0.8.0.beta2"},
		{"0.8.0rc1.dev7"}, {"0.8.0rc1", "0.8.0c1", "0.8.0-pre1", "0.8.0RC1"}, {"0.8.0rc2"}, {"0.8.0rc10"}, {"0.8", "0.8.0", "0.8.0.0"},
		{"0.8.5.post1"}, {"0.9.0"}, {"0.10.1"}, {"0.10.1.1"}, {"0.10.2rc1"}, {"0.10.2"}, {"0.11.1.dev12+gabc"}, {"0.11.1"},
		{"0.25.0rc1"}, {"0.25.0"}, {"0.32.0", "0.32.0+cpu", " 0.32.0\n"}, {"1.0"}, {"2024.11.23"}, {"1!0.1"},
	}
	for i, row := range rows {
		for j, other := range rows {
			for _, a := range row {
				for _, b := range other {
					got := version(t, a).Compare(version(t, b))
					if (got < 0) != (i < j) || (got > 0) != (i > j) {
						t.Errorf("%s against %s: got %d", a, b, got)
					}
				}
			}
		}
		if zero := (Version{}); zero.Compare(version(t, row[0])) >= 0 || version(t, row[0]).Compare(zero) <= 0 {
			t.Errorf("%s is not newer than an unknown version", row[0])
		}
	}
}

func TestAtLeast(t *testing.T) {
	for _, tt := range []struct {
		version             string
		major, minor, patch int
		want                bool
	}{
		{"0.25.0", 0, 25, 0, true}, {"0.25.0+cpu", 0, 25, 0, true}, {"0.25", 0, 25, 0, true}, {"0.25.1.dev1", 0, 25, 0, true}, {"0.25.0.post1", 0, 25, 0, true},
		{"0.25.0rc1", 0, 25, 0, false}, {"0.25.0.dev1+g123", 0, 25, 0, false}, {"0.24.9", 0, 25, 0, false}, {"0.9.0", 0, 25, 0, false},
		{"1.0.0", 0, 25, 0, true}, {"0.10.1.1", 0, 10, 2, false}, {"0.10.1.1", 0, 10, 1, true}, {"0.11.1.dev12+gabc", 0, 11, 0, true},
	} {
		if got := version(t, tt.version).AtLeast(tt.major, tt.minor, tt.patch); got != tt.want {
			t.Errorf("%s at least %d.%d.%d: got %v", tt.version, tt.major, tt.minor, tt.patch, got)
		}
	}
	if (Version{}).AtLeast(0, 0, 0) {
		t.Error("an unknown version is at least something")
	}
}

func TestParseVersionRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                           `version ""; allowed one such as 0.32.0 or 0.25.0rc1`,
		"dev":                        `version "dev"; allowed one such as 0.32.0 or 0.25.0rc1`,
		"0.1.":                       `version "0.1."; allowed one such as 0.32.0 or 0.25.0rc1`,
		"0.1+":                       `version "0.1+"; allowed one such as 0.32.0 or 0.25.0rc1`,
		"0.1 beta":                   `version "0.1 beta"; allowed one such as 0.32.0 or 0.25.0rc1`,
		"-0.1":                       `version "-0.1"; allowed one such as 0.32.0 or 0.25.0rc1`,
		"0.99999999999999999999.1":   "version with the number 99999999999999999999, which is too large",
		"0.1.dev9999999999999999999": "version with the number 9999999999999999999, which is too large",
	} {
		got, err := ParseVersion(text)
		if err == nil || err.Error() != want || !got.IsZero() {
			t.Errorf("%q: got %q, %v; want %q", text, got, err, want)
		}
	}
}

func FuzzParseVersion(f *testing.F) {
	for _, seed := range []string{"0.32.0", "1!2.3a4.post5.dev6+local.7", "v0.8.0-RC_1", "2024.11.23-1", "0.1.r", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := ParseVersion(text)
		if (err == nil) == v.IsZero() {
			t.Fatalf("%q: got %v, %v", text, v, err)
		}
		if err != nil {
			return
		}
		same := version(t, v.String())
		if v.Compare(same) != 0 || v.Compare(Version{}) <= 0 {
			t.Errorf("%q is not the same as itself, or no newer than nothing", text)
		}
		if !slices.Equal(same.release, v.release) {
			t.Error(cmp.Diff(same.release, v.release))
		}
	})
}
