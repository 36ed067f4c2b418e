package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// idleTimeout is below the 5 s after which uvicorn closes an idle connection.
	idleTimeout = 3 * time.Second
	// dialTimeout bounds a connect, as there is no bound on a response.
	dialTimeout = 30 * time.Second
	// drainTimeout bounds the wait for the end of a body after [DONE]; a connection that is not at its end by then is not
	// used again.
	drainTimeout = time.Second
	// refusalLimit bounds how much of an error body is read.
	refusalLimit = 64 << 10
	// writeBuffer lets a request with a prompt of 1,024 ids go out in one write.
	writeBuffer = 8 << 10
)

// Options say where requests go.
type Options struct {
	// BaseURL is http://HOST:PORT.
	BaseURL string
	// Connections is how many requests are in flight at most: so many idle connections are kept. At least 1.
	Connections int
	// APIKey is sent as a bearer token; empty for none.
	APIKey string
	// UserStamps leaves out the kernel's receive stamps, and takes the time when this program has read instead.
	UserStamps bool
}

// Client sends completions over its own connections. It is safe for concurrent use; Close it.
type Client struct {
	url     *url.URL
	address string
	dial    dialFunc
	waiting waiting
	// pool keeps connections between requests; fresh makes one for one request.
	pool, fresh *http.Transport
	// probe is nil where the kernel's receive stamps are not used, and unprobed says why.
	probe    *stampProbe
	unprobed string
	wall     wallClock
	// clockSet finds a step of the wall clock as soon as it is set; nil where the system does not tell.
	clockSet *clockWatch
	// connections counts those that were opened.
	connections atomic.Int64
	maxLine     int
	apiKey      string
	buffers     sync.Pool
}

// New returns a Client; the error is about the options. Nothing is connected to the server yet; the kernel's receive stamps are
// tried over loopback.
func New(o Options) (*Client, error) {
	base, err := parseBase(o.BaseURL)
	if err != nil {
		return nil, err
	}
	sources, err := SourceAddresses(base.Hostname(), o.Connections, localPorts())
	if err != nil {
		return nil, err
	}
	c := &Client{
		url:     base.ResolveReference(&url.URL{Path: "/v1/completions"}),
		address: dialAddress(base),
		dial:    dialFrom(sources),
		maxLine: maxLine,
		apiKey:  o.APIKey,
		buffers: sync.Pool{New: func() any { b := make([]byte, lineBuffer); return &b }},
	}
	c.pool = newTransport(max(o.Connections, 1), c.dialWaiting)
	c.fresh = newTransport(-1, c.dialNew)
	c.wall.start(time.Now())
	c.chooseStamps(o)
	return c, nil
}

// newTransport returns a transport that keeps the given number of idle connections; a negative one keeps none.
func newTransport(idle int, dial dialFunc) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:         dial,
		Protocols:           protocols,
		DisableCompression:  true,
		MaxIdleConnsPerHost: idle,
		IdleConnTimeout:     idleTimeout,
		WriteBufferSize:     writeBuffer,
	}
}

// Close closes the connections that no request is using; those in use close when their request ends.
func (c *Client) Close() {
	c.waiting.close()
	c.pool.CloseIdleConnections()
	c.fresh.CloseIdleConnections()
	if c.probe != nil {
		c.probe.close()
	}
	if c.clockSet != nil {
		c.clockSet.close()
	}
}

// Complete sends one request, reads its stream to the end and returns what was measured, also when it failed:
// Result.ErrorClass tells. There is no time limit but ctx; cancelling it with a cause gives the class cancelled and the
// cause as text. tokens, which may be nil, grows with every chunk that carries tokens and, at the end of a success, by the
// difference to the server's own count, so that it has grown by usage.completion_tokens.
func (c *Client) Complete(ctx context.Context, req *Request, tokens *atomic.Int64) Result {
	res, stale := c.attempt(ctx, c.pool, req, tokens)
	if !stale {
		return res
	}
	res, _ = c.attempt(ctx, c.fresh, req, tokens)
	res.Resent = true
	return res
}

// attempt sends the request over one connection. stale is true when the connection was not made for this request and
// broke before a byte was written.
func (c *Client) attempt(ctx context.Context, via *http.Transport, req *Request, tokens *atomic.Int64) (_ Result, stale bool) {
	e := newExchange()
	tctx, cancel := context.WithCancel(httptrace.WithClientTrace(ctx, e.trace()))
	defer cancel()
	var res Result
	var o outcome
	a := &answer{res: &res, expect: req.MaxTokens, tokens: tokens, lags: c.probe != nil}
	resp, err := via.RoundTrip(c.newRequest(tctx, req))
	if err != nil {
		o.noResponse = err
	} else {
		c.receive(resp, a, &o, e.latest)
		if a.done {
			drain(resp.Body, cancel)
		}
		resp.Body.Close()
	}
	if res.Done.IsZero() {
		res.Done = time.Now()
	}
	if ctx.Err() != nil {
		o.cause = context.Cause(ctx)
	}
	cancel()
	e.stamp(&res)
	stale = err != nil && e.reused.Load() && res.Sent.IsZero() && o.cause == nil
	res.ErrorClass, res.Error = classify(req, a, o)
	if res.ErrorClass == "" {
		a.settle()
	}
	return res, stale
}

// newRequest makes the HTTP request. It has no GetBody, without which the transport never sends a POST again by itself.
func (c *Client) newRequest(ctx context.Context, req *Request) *http.Request {
	r := &http.Request{
		Method: http.MethodPost,
		URL:    c.url,
		Header: http.Header{
			"Content-Type": {"application/json"},
			"Accept":       {"text/event-stream"},
			"User-Agent":   {"sqzb-orchestrate"},
		},
		Body:          io.NopCloser(bytes.NewReader(req.Body)),
		ContentLength: int64(len(req.Body)),
	}
	if req.ID != "" {
		r.Header.Set("X-Request-Id", req.ID)
	}
	if req.TraceParent != "" {
		r.Header.Set("Traceparent", req.TraceParent)
	}
	authorize(r.Header, c.apiKey)
	return r.WithContext(ctx)
}

// authorize adds the key that a server started with --api-key asks for.
func authorize(h http.Header, key string) {
	if key != "" {
		h.Set("Authorization", "Bearer "+key)
	}
}

// receive reads a response into a and o.
func (c *Client) receive(resp *http.Response, a *answer, o *outcome, stamp func() arrival) {
	a.res.Status = resp.StatusCode
	kind := resp.Header.Get("Content-Type")
	media, _, _ := mime.ParseMediaType(kind)
	if resp.StatusCode != http.StatusOK || media != "text/event-stream" {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, refusalLimit))
		o.refusal = serverMessage(body)
		if media != "text/event-stream" {
			o.notStream = "none"
			if kind != "" {
				o.notStream = kind
			}
		}
		return
	}
	buf := c.buffers.Get().(*[]byte)
	l := newLines(resp.Body, *buf, c.maxLine, stamp)
	o.end = a.read(l)
	// A buffer that has grown for one long line is not kept for the next stream.
	if len(l.buf) == len(*buf) {
		c.buffers.Put(buf)
	}
}

// drain reads to the end of the body, which follows [DONE] at once, so that the connection can be used again.
func drain(body io.Reader, cancel func()) {
	stop := time.AfterFunc(drainTimeout, cancel)
	defer stop.Stop()
	// The error is of no interest: a body that did not end has its connection closed.
	_, _ = io.CopyN(io.Discard, body, refusalLimit)
}

// broke reports whether err is a connection that ended, rather than bytes that make no sense.
func broke(err error) bool {
	var network net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network) || errors.Is(err, net.ErrClosed)
}
