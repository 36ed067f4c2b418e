package telemetry

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func listen(t *testing.T) *TraceReceiver {
	t.Helper()
	r, err := ListenTraces()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// post sends a body as vLLM's exporter does, with more headers as NAME, value pairs, and returns the status.
func post(t *testing.T, url string, body []byte, headers ...string) int {
	t.Helper()
	q, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/x-protobuf")
	for i := 0; i < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

func gzipped(t testing.TB, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func traceID(n int) string { return fmt.Sprintf("%032x", n) }

func TestReceiverTakesWhatVLLMSent(t *testing.T) {
	r := listen(t)
	if !strings.HasPrefix(r.URL(), "http://127.0.0.1:") || !strings.HasSuffix(r.URL(), "/v1/traces") {
		t.Errorf("got URL %s", r.URL())
	}
	var ids []string
	for k := range 6 {
		ids = append(ids, traceID(0xabc000+k))
	}
	came := make(chan int, 1)
	go func() { came <- r.Wait(t.Context(), ids) }()
	for _, export := range []struct {
		body    []byte
		headers []string
	}{
		{sample(t, startupSample), nil},
		{sample(t, requestsSample), nil},
		{gzipped(t, sample(t, requestsSample)), []string{"Content-Encoding", "gzip"}},
	} {
		if status := post(t, r.URL(), export.body, export.headers...); status != http.StatusOK {
			t.Errorf("got status %d", status)
		}
	}
	if got := <-came; got != 6 {
		t.Errorf("got %d of 6 traces", got)
	}
	// The last one is looked at only after it was answered; Close waits for that.
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.Stats(), TraceStats{Exports: 3, Requests: 6, Repeated: 6}); diff != "" {
		t.Errorf("stats (-got +want):\n%s", diff)
	}
	want, _, _ := decode(t, sample(t, requestsSample))
	if diff := cmp.Diff(r.Requests(), want); diff != "" {
		t.Errorf("requests (-got +want):\n%s", diff)
	}
	if got := len(r.Phases()); got != 12 {
		t.Errorf("got %d phases, want 12", got)
	}
}

func TestReceiverRefuses(t *testing.T) {
	bomb := gzipped(t, make([]byte, maxExport+1))
	tests := []struct {
		name    string
		method  string
		path    string
		body    []byte
		headers []string
		status  int
		says    string
	}{
		{"another path", "POST", "/v1/metrics", nil, nil, http.StatusNotFound, `path "/v1/metrics"; allowed /v1/traces`},
		{"another method", "GET", tracesPath, nil, nil, http.StatusMethodNotAllowed, `method "GET"`},
		{"JSON", "POST", tracesPath, []byte("{}"), []string{"Content-Type", "application/json"}, http.StatusUnsupportedMediaType, `content type "application/json"`},
		{"another encoding", "POST", tracesPath, nil, []string{"Content-Encoding", "deflate"}, http.StatusUnsupportedMediaType, `content encoding "deflate"`},
		{"no gzip", "POST", tracesPath, []byte("plain"), []string{"Content-Encoding", "gzip"}, http.StatusBadRequest, "decompressing"},
		{"gzip cut off", "POST", tracesPath, bomb[:len(bomb)/2], []string{"Content-Encoding", "gzip"}, http.StatusBadRequest, "reading the body: unexpected EOF"},
		{"too large", "POST", tracesPath, make([]byte, maxExport+1), nil, http.StatusRequestEntityTooLarge, "more than 4194304 bytes"},
		{"too large once inflated", "POST", tracesPath, bomb, []string{"Content-Encoding", "gzip"}, http.StatusRequestEntityTooLarge, "more than 4194304 bytes"},
		// It was answered before it was looked at.
		{"no protobuf", "POST", tracesPath, []byte("hello"), nil, http.StatusOK, "decoding spans"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newTraceReceiver()
			q := httptest.NewRequest(tt.method, tt.path, bytes.NewReader(tt.body))
			q.Header.Set("Content-Type", "application/x-protobuf")
			for i := 0; i < len(tt.headers); i += 2 {
				q.Header.Set(tt.headers[i], tt.headers[i+1])
			}
			w := httptest.NewRecorder()
			r.ServeHTTP(w, q)
			if w.Code != tt.status {
				t.Errorf("got status %d, want %d", w.Code, tt.status)
			}
			stats := r.Stats()
			if !strings.Contains(stats.LastError, tt.says) || stats.Refused != 1 || stats.Exports != 0 {
				t.Errorf("got %+v; want one refused that says %q", stats, tt.says)
			}
		})
	}
}

func TestReceiverAcceptsTheLargestExport(t *testing.T) {
	body := exported(t, requestSpan(1))
	// An unknown field of this size: tag 15, length-delimited, a length of four bytes.
	rest := maxExport - len(body) - 5
	body = append(body, 15<<3|2, byte(rest)|0x80, byte(rest>>7)|0x80, byte(rest>>14)|0x80, byte(rest>>21))
	body = append(body, make([]byte, rest)...)
	r := listen(t)
	if status := post(t, r.URL(), body); status != http.StatusOK {
		t.Errorf("got status %d", status)
	}
	if got := r.Wait(t.Context(), []string{traceID(1)}); got != 1 {
		t.Errorf("got %d, %+v", got, r.Stats())
	}
}

func TestWait(t *testing.T) {
	tests := []struct {
		name string
		ids  []string
		sent []byte // last bytes of trace ids, a minute apart
		want int
		took time.Duration
	}{
		{"nothing to wait for", nil, nil, 0, 0},
		{"all come", []string{traceID(1), traceID(2)}, []byte{1, 2}, 2, 2 * time.Minute},
		{"others come too", []string{traceID(3)}, []byte{1, 2, 3, 4}, 1, 3 * time.Minute},
		{"one is missing", []string{traceID(1), traceID(9)}, []byte{1, 2}, 1, time.Hour},
		{"none comes", []string{traceID(1)}, nil, 0, time.Hour},
		{"an id twice", []string{traceID(1), traceID(1)}, []byte{1}, 1, time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newTraceReceiver()
				var sender sync.WaitGroup
				sender.Go(func() {
					for _, n := range tt.sent {
						<-time.After(time.Minute)
						r.take(exported(t, requestSpan(n)))
					}
				})
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				start := time.Now()
				if got := r.Wait(ctx, tt.ids); got != tt.want {
					t.Errorf("got %d, want %d", got, tt.want)
				}
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				sender.Wait()
			})
		})
	}
}

func TestReceiverCountsWhatItDoesNotKeep(t *testing.T) {
	r := newTraceReceiver()
	nameless := requestSpan(2)
	nameless.SpanId = nil
	r.take(exported(t, requestSpan(1), requestSpan(1), nameless))
	if diff := cmp.Diff(r.Stats(), TraceStats{Exports: 1, Requests: 1, Repeated: 1, Dropped: 1}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestReceiverOfManySenders(t *testing.T) {
	r := listen(t)
	var ids []string
	var senders sync.WaitGroup
	for n := range byte(32) {
		ids = append(ids, traceID(int(n)))
		body := exported(t, requestSpan(n))
		senders.Go(func() { post(t, r.URL(), body) })
	}
	if got := r.Wait(t.Context(), ids); got != 32 {
		t.Errorf("got %d of 32, %+v", got, r.Stats())
	}
	senders.Wait()
}

func TestCloseTwice(t *testing.T) {
	r, err := ListenTraces()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
