package client

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestAPIKey(t *testing.T) {
	for _, tt := range []struct{ key, want string }{{"", ""}, {"s3cret", "Bearer s3cret"}} {
		var got []string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = append(got, r.URL.Path+" "+r.Header.Get("Authorization"))
			w.WriteHeader(http.StatusTeapot)
		}))
		control, err := NewControl(server.URL, ControlOptions{APIKey: tt.key})
		if err != nil {
			t.Fatal(err)
		}
		c, err := New(Options{BaseURL: server.URL, Connections: 1, APIKey: tt.key})
		if err != nil {
			t.Fatal(err)
		}
		// The answers are errors, which is not what this is about.
		_ = control.Health(context.Background())
		_, _ = control.Models(context.Background())
		c.Complete(context.Background(), &Request{Body: []byte("{}")}, nil)
		c.Close()
		server.Close()
		for i, path := range []string{"/health ", "/v1/models ", "/v1/completions "} {
			if i >= len(got) || got[i] != path+tt.want {
				t.Errorf("key %q, request %d: got %q, want %q", tt.key, i, got, path+tt.want)
			}
		}
	}
}
