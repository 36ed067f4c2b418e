package telemetry

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTraceEnv(t *testing.T) {
	tests := []struct {
		name string
		env  []string
		want [][2]string // beyond what is always there
	}{
		{"no proxy", []string{"PATH=/bin", "no_proxy=example.org"}, nil},
		{"a proxy", []string{"http_proxy=http://proxy:3128"}, [][2]string{{"no_proxy", "127.0.0.1"}, {"NO_PROXY", "127.0.0.1"}}},
		{"exceptions are kept", []string{"HTTP_PROXY=http://proxy:3128", "NO_PROXY=localhost,example.org"},
			[][2]string{{"no_proxy", "localhost,example.org,127.0.0.1"}, {"NO_PROXY", "localhost,example.org,127.0.0.1"}}},
		{"both spellings", []string{"ALL_PROXY=socks5://p", "no_proxy=a", "NO_PROXY=b"}, [][2]string{{"no_proxy", "a,127.0.0.1"}, {"NO_PROXY", "b,127.0.0.1"}}},
		{"loopback is there", []string{"http_proxy=p", "no_proxy=a, 127.0.0.1"}, [][2]string{{"no_proxy", "a, 127.0.0.1"}, {"NO_PROXY", "127.0.0.1"}}},
		{"all are excepted", []string{"http_proxy=p", "NO_PROXY=*"}, [][2]string{{"no_proxy", "*"}, {"NO_PROXY", "*"}}},
		{"the last value wins", []string{"http_proxy=p", "http_proxy="}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := TraceEnv(tt.env)
			if diff := cmp.Diff(got[:len(traceEnv)], traceEnv); diff != "" {
				t.Errorf("always (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(append([][2]string(nil), got[len(traceEnv):]...), tt.want); diff != "" {
				t.Errorf("proxy (-got +want):\n%s", diff)
			}
		})
	}
}
