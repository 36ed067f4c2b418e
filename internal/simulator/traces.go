package simulator

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// traceOptions are how requests are traced: the flag --otlp-traces-endpoint and the OTEL_ variables of the environment.
type traceOptions struct {
	// endpoint is a URL; empty for no traces.
	endpoint string
	// delay is how long a span waits for others; batch is how many are sent at once, queue how many may wait.
	delay        time.Duration
	batch, queue int
}

// The defaults of the OpenTelemetry SDK.
const (
	defaultTraceDelay = 5 * time.Second
	defaultTraceBatch = 512
	defaultTraceQueue = 2048
)

// newTraceOptions reads the environment as vLLM and the SDK below it do. An error is a *startError.
func newTraceOptions(endpoint string, lookupEnv func(string) (string, bool)) (traceOptions, error) {
	if endpoint == "" {
		return traceOptions{}, nil
	}
	if off, _ := lookupEnv("OTEL_SDK_DISABLED"); strings.EqualFold(off, "true") {
		return traceOptions{}, nil
	}
	const variable = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	if protocol, _ := lookupEnv(variable); protocol != "http/protobuf" {
		return traceOptions{}, valueError("Unsupported OTLP protocol '%s' is configured: the simulator has no gRPC; set %s to http/protobuf.",
			protocol, variable)
	}
	number := func(name string, fallback int) int {
		text, _ := lookupEnv(name)
		if n, err := strconv.Atoi(text); err == nil && n > 0 {
			return n
		}
		return fallback
	}
	return traceOptions{
		endpoint: endpoint,
		delay:    time.Duration(number("OTEL_BSP_SCHEDULE_DELAY", int(defaultTraceDelay/time.Millisecond))) * time.Millisecond,
		batch:    number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", defaultTraceBatch),
		queue:    number("OTEL_BSP_MAX_QUEUE_SIZE", defaultTraceQueue),
	}, nil
}

// traceContext is where the span of a request belongs.
type traceContext struct {
	trace  [16]byte
	parent [8]byte
	// remote is true when the client's header said so; the trace is the server's own otherwise.
	remote bool
}

// parseTraceParent reads a traceparent header (W3C Trace Context). Without one, or with one that is not well formed, the
// request gets a trace of its own; sampled is false when the header says that the request is not traced.
func parseTraceParent(header string) (c traceContext, sampled bool) {
	parts := strings.Split(header, "-")
	if len(parts) >= 4 && len(parts[0]) == 2 && parts[0] != "ff" && len(parts[3]) == 2 {
		id, errID := hex.DecodeString(parts[1])
		parent, errParent := hex.DecodeString(parts[2])
		flags, errFlags := hex.DecodeString(parts[3])
		whole := copy(c.trace[:], id) == len(c.trace) && len(id) == len(c.trace) && copy(c.parent[:], parent) == len(c.parent) &&
			len(parent) == len(c.parent)
		if errID == nil && errParent == nil && errFlags == nil && whole && c.trace != [16]byte{} && c.parent != [8]byte{} {
			c.remote = true
			return c, flags[0]&1 == 1
		}
	}
	c = traceContext{}
	_, _ = rand.Read(c.trace[:]) // never fails
	return c, true
}

// tracedRequest is what the span of a sequence needs to know of its request.
type tracedRequest struct {
	context traceContext
	// id is the server's own: cmpl-ID-INDEX.
	id   string
	topP float64
	n    int
}

// tracer sends spans in batches, as the SDK's BatchSpanProcessor does. A nil tracer does nothing.
type tracer struct {
	o      traceOptions
	client *http.Client
	log    *logger

	mu    sync.Mutex
	spans []*trace.Span
	// full has room for one signal: there is a whole batch.
	full chan struct{}
}

// newTracer is nil when nothing is to be traced.
func newTracer(o *options, log *logger) *tracer {
	if o.traces.endpoint == "" || !o.logStats {
		return nil
	}
	const exportTimeout = 10 * time.Second
	return &tracer{o: o.traces, log: log, client: &http.Client{Timeout: exportTimeout, Transport: &http.Transport{}},
		full: make(chan struct{}, 1)}
}

// start sends batches until the function that it returns is called, which sends the rest.
func (t *tracer) start() (stop func()) {
	if t == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { t.run(ctx) })
	return func() {
		cancel()
		done.Wait()
		t.flush()
		t.client.CloseIdleConnections()
	}
}

func (t *tracer) run(ctx context.Context) {
	for {
		timer := time.NewTimer(t.o.delay)
		select {
		case <-timer.C:
		case <-t.full:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
		t.flush()
	}
}

// flush sends all that waits.
func (t *tracer) flush() {
	for {
		t.mu.Lock()
		n := min(t.o.batch, len(t.spans))
		batch := t.spans[:n:n]
		t.spans = t.spans[n:]
		t.mu.Unlock()
		if n == 0 {
			return
		}
		if err := t.send(batch); err != nil {
			t.log.line("Failed to export span batch: %v", err)
		}
	}
}

func (t *tracer) send(batch []*trace.Span) error {
	body, err := proto.Marshal(&collector.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{
		Resource: &resource.Resource{Attributes: []*common.KeyValue{
			text("telemetry.sdk.language", "python"), text("telemetry.sdk.name", "opentelemetry"),
			text("vllm.instrumenting_module_name", "vllm.llm_engine"), text("vllm.process_id", strconv.Itoa(os.Getpid())),
			text("service.name", "unknown_service:python"),
		}},
		ScopeSpans: []*trace.ScopeSpans{{Scope: &common.InstrumentationScope{Name: "vllm.tracing.otel"}, Spans: batch}},
	}}})
	if err != nil {
		return err
	}
	response, err := t.client.Post(t.o.endpoint, "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body) // so that the connection is used again
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", response.Status)
	}
	return nil
}

// add queues a span; one that the queue has no room for is lost, as with the SDK.
func (t *tracer) add(s *trace.Span) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.spans) >= t.o.queue {
		return
	}
	t.spans = append(t.spans, s)
	if len(t.spans) >= t.o.batch {
		select {
		case t.full <- struct{}{}:
		default:
		}
	}
}
