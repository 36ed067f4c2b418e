package telemetry

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	tracesPath = "/v1/traces"
	// maxExport bounds a body, as sent and inflated: eight times the 512 spans that a batch of vLLM has.
	maxExport = 4 << 20
	// maxSpans bounds what is kept, of requests and of phases each.
	maxSpans = 1 << 20
	// exportTimeout bounds the reading of one body, closeTimeout what Close waits for one that is being read.
	exportTimeout = 30 * time.Second
	closeTimeout  = 2 * time.Second
)

// TraceReceiver takes OpenTelemetry spans from a server on this machine, by OTLP over HTTP with protobuf. It is safe for use by
// several goroutines. One receiver serves all passes of a run: its address is part of the server's command line, which must
// not differ between them.
type TraceReceiver struct {
	url    string
	server *http.Server
	served chan error

	// decoding lets in one body at a time, since a decoded one can take a hundred times its size in memory.
	decoding sync.Mutex

	mu       sync.Mutex
	requests []RequestSpan
	phases   []PhaseSpan
	seen     map[spanKey]bool
	traces   map[string]bool
	stats    TraceStats
	// changed is closed, and replaced, whenever spans of requests were added.
	changed chan struct{}
}

// TraceStats counts what a TraceReceiver got. The zero value means nothing came.
type TraceStats struct {
	// Exports are the bodies that were taken, Requests the spans of requests among them, each counted once.
	Exports, Requests int
	// Repeated are spans that had come before: the server sends a batch again when it saw no answer.
	Repeated int
	// Dropped are spans that were not kept: without ids, with absurd texts, or beyond a million.
	Dropped int
	// Refused are exports that could not be read, and LastError says why the last of them could not; empty if there was none.
	Refused   int
	LastError string
}

// ListenTraces starts a receiver on a free port of the loopback device. The caller closes it.
func ListenTraces() (*TraceReceiver, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for traces: %w", err)
	}
	r := newTraceReceiver()
	r.url = "http://" + listener.Addr().String() + tracesPath
	r.server = &http.Server{
		Handler:           r,
		ReadHeaderTimeout: exportTimeout,
		// No IdleTimeout: a batch that is posted on a connection as it is being closed would be lost.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	go func() { r.served <- r.server.Serve(listener) }()
	return r, nil
}

func newTraceReceiver() *TraceReceiver {
	return &TraceReceiver{
		served:  make(chan error, 1),
		seen:    map[spanKey]bool{},
		traces:  map[string]bool{},
		changed: make(chan struct{}),
	}
}

// URL is the endpoint to give to the server, with its path.
func (r *TraceReceiver) URL() string { return r.url }

// Close ends the receiver and frees its port; what was received stays available. Exports that are being read get a moment to
// be finished. The error is that of a listener that failed while it was in use.
func (r *TraceReceiver) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if r.server.Shutdown(ctx) != nil {
		r.server.Close()
	}
	err := <-r.served
	r.served <- err
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("listening for traces: %w", err)
}

// ServeHTTP takes one export. It answers as soon as the body is here, and looks at it only then, so that the server's exporter
// never waits for our processor; a body that cannot be decoded is counted in Stats.
func (r *TraceReceiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if q.URL.Path != tracesPath {
		r.refuse(w, http.StatusNotFound, fmt.Errorf("path %.100q; allowed %s", q.URL.Path, tracesPath))
		return
	}
	if q.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		r.refuse(w, http.StatusMethodNotAllowed, fmt.Errorf("method %.20q; allowed POST", q.Method))
		return
	}
	if kind, _, _ := mime.ParseMediaType(q.Header.Get("Content-Type")); kind != "application/x-protobuf" {
		r.refuse(w, http.StatusUnsupportedMediaType, fmt.Errorf("content type %.100q; allowed application/x-protobuf", q.Header.Get("Content-Type")))
		return
	}
	control := http.NewResponseController(w)
	// A recorder in a test has no deadlines; everything else does.
	_ = control.SetReadDeadline(time.Now().Add(exportTimeout))
	body, status, err := readExport(w, q)
	if err != nil {
		r.refuse(w, status, err)
		return
	}
	_ = control.SetReadDeadline(time.Time{})
	w.Header().Set("Content-Type", "application/x-protobuf")
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	_ = control.Flush()
	r.take(body)
}

// readExport reads a body, inflated; on an error the status says what to answer.
func readExport(w http.ResponseWriter, q *http.Request) (body []byte, status int, err error) {
	var from io.Reader = http.MaxBytesReader(w, q.Body, maxExport)
	switch encoding := q.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		if from, err = gzip.NewReader(from); err != nil {
			return nil, http.StatusBadRequest, fmt.Errorf("decompressing: %w", err)
		}
	default:
		return nil, http.StatusUnsupportedMediaType, fmt.Errorf("content encoding %.100q; allowed gzip, or none", encoding)
	}
	body, err = io.ReadAll(io.LimitReader(from, maxExport+1))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge || len(body) > maxExport {
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("a body of more than %d bytes", maxExport)
	}
	if err != nil {
		return nil, http.StatusBadRequest, fmt.Errorf("reading the body: %w", err)
	}
	return body, http.StatusOK, nil
}

func (r *TraceReceiver) refuse(w http.ResponseWriter, status int, err error) {
	r.count(func(s *TraceStats) { s.Refused++; s.LastError = err.Error() })
	http.Error(w, err.Error(), status)
}

func (r *TraceReceiver) count(update func(*TraceStats)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	update(&r.stats)
}

// take decodes a body and keeps its spans.
func (r *TraceReceiver) take(body []byte) {
	r.decoding.Lock()
	spans, skipped, err := decodeSpans(body)
	r.decoding.Unlock()
	if err != nil {
		r.count(func(s *TraceStats) { s.Refused++; s.LastError = err.Error() })
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Exports++
	r.stats.Dropped += skipped
	before := r.stats.Requests
	for _, s := range spans {
		r.keep(s)
	}
	if r.stats.Requests > before {
		close(r.changed)
		r.changed = make(chan struct{})
	}
}

// keep adds a span; the caller holds mu.
func (r *TraceReceiver) keep(s decodedSpan) {
	switch {
	case r.seen[s.key]:
		r.stats.Repeated++
		return
	case s.request != nil && len(r.requests) < maxSpans:
		r.requests = append(r.requests, *s.request)
		r.traces[s.request.TraceID] = true
		r.stats.Requests++
	case s.phase != nil && len(r.phases) < maxSpans:
		r.phases = append(r.phases, *s.phase)
	default:
		r.stats.Dropped++
		return
	}
	r.seen[s.key] = true
}

// Wait returns when a span has come for each of the trace ids (32 lower-case hex digits), or when ctx ends, and says for how
// many of the ids one has: fewer than there are distinct ids means that ctx ended first.
func (r *TraceReceiver) Wait(ctx context.Context, traceIDs []string) (received int) {
	missing := map[string]bool{}
	for _, id := range traceIDs {
		missing[id] = true
	}
	for {
		came, changed := r.strike(missing)
		received += came
		if len(missing) == 0 {
			return received
		}
		select {
		case <-changed:
		case <-ctx.Done():
			// What came with the end of ctx counts.
			came, _ = r.strike(missing)
			return received + came
		}
	}
}

// strike takes the ids that have a span out of missing, and gives the channel that closes when there are more.
func (r *TraceReceiver) strike(missing map[string]bool) (came int, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range missing {
		if r.traces[id] {
			delete(missing, id)
			came++
		}
	}
	return came, r.changed
}

// Requests returns the spans of requests in the order of their arrival, each once; nil if none came.
func (r *TraceReceiver) Requests() []RequestSpan {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// Phases returns all other spans in the order of their arrival, each once; nil if none came.
func (r *TraceReceiver) Phases() []PhaseSpan {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.phases)
}

// Stats returns the counts so far.
func (r *TraceReceiver) Stats() TraceStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}
