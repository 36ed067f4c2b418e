package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	// controlTries bounds one control call, controlWait and controlWaitMax the pauses between tries.
	controlTries   = 4
	controlWait    = 100 * time.Millisecond
	controlWaitMax = time.Second
	// controlLimit bounds an answer; /metrics of a server with many adapters has some megabytes.
	controlLimit = 64 << 20
)

// ControlOptions bound the control calls.
type ControlOptions struct {
	// Timeout bounds each try; 0 means 10 s.
	Timeout time.Duration
	// APIKey is sent as a bearer token; empty for none.
	APIKey string
}

// Control asks a server about itself. It has its own connections, which no measured request uses. It is safe for
// concurrent use, and there is nothing to close.
type Control struct {
	base  string
	once  *http.Client
	retry *retryablehttp.Client
	// apiKey is empty for none.
	apiKey string
}

// ModelInfo is one entry of /v1/models.
type ModelInfo struct {
	// ID is a name that requests may give.
	ID string `json:"id"`
	// Root is the model's folder or name; of an adapter, the adapter's.
	Root string `json:"root"`
	// Parent is the base model of an adapter, empty for others.
	Parent string `json:"parent"`
	// MaxModelLen is the limit of prompt and output together in tokens, 0 when the server does not say.
	MaxModelLen int `json:"max_model_len"`
}

// NewControl returns the control calls of the server at baseURL (http://HOST:PORT); the error is about the address.
func NewControl(baseURL string, o ControlOptions) (*Control, error) {
	base, err := parseBase(baseURL)
	if err != nil {
		return nil, err
	}
	timeout := o.Timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	once := &http.Client{
		Timeout: timeout,
		// Control calls are rare: a connection of its own for each cannot have been closed by the server in between.
		Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		// A redirect is an answer of somebody else than vLLM.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	retry := retryablehttp.NewClient()
	retry.HTTPClient = once
	retry.Logger = nil
	retry.RetryMax = controlTries - 1
	retry.RetryWaitMin, retry.RetryWaitMax = controlWait, controlWaitMax
	retry.Backoff = cappedBackoff
	retry.ErrorHandler = retryablehttp.PassthroughErrorHandler
	return &Control{base: base.String(), once: once, retry: retry, apiKey: o.APIKey}, nil
}

// cappedBackoff is the default one, but for a server's Retry-After, which the default follows for however long it says.
func cappedBackoff(least, most time.Duration, attempt int, resp *http.Response) time.Duration {
	return min(retryablehttp.DefaultBackoff(least, most, attempt, resp), most)
}

// Health asks /health once, without retrying: it is what a wait for readiness repeats at its own pace. The error wraps
// the connection's, or has the status and the server's message.
func (c *Control) Health(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/health", nil)
	if err != nil {
		return fmt.Errorf("GET /health: %w", err)
	}
	authorize(req.Header, c.apiKey)
	resp, err := c.once.Do(req)
	_, err = controlBody("/health", resp, err)
	return err
}

// Models asks /v1/models. The served names come first, then the adapters.
func (c *Control) Models(ctx context.Context) ([]ModelInfo, error) {
	const path = "/v1/models"
	body, err := c.fetch(ctx, path)
	if err != nil {
		return nil, err
	}
	var list struct {
		Data *[]ModelInfo `json:"data"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("GET %s: decoding %q: %w", path, clip(body), err)
	}
	if list.Data == nil {
		return nil, fmt.Errorf("GET %s: got %q, want a list under data", path, clip(body))
	}
	return *list.Data, nil
}

// Version asks /version, such as 0.32.0.
func (c *Control) Version(ctx context.Context) (string, error) {
	const path = "/version"
	body, err := c.fetch(ctx, path)
	if err != nil {
		return "", err
	}
	var v struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return "", fmt.Errorf("GET %s: decoding %q: %w", path, clip(body), err)
	}
	if v.Version == "" {
		return "", fmt.Errorf("GET %s: got %q, want a version", path, clip(body))
	}
	return v.Version, nil
}

// Metrics asks /metrics and returns the Prometheus text.
func (c *Control) Metrics(ctx context.Context) ([]byte, error) { return c.fetch(ctx, "/metrics") }

// fetch gets a path, again after a broken connection or a status that may pass (429, 5xx).
func (c *Control) fetch(ctx context.Context, path string) ([]byte, error) {
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", path, err)
	}
	authorize(req.Header, c.apiKey)
	resp, err := c.retry.Do(req)
	return controlBody(path, resp, err)
}

// controlBody reads and closes a response, and refuses any status but 200.
func controlBody(path string, resp *http.Response, err error) ([]byte, error) {
	if resp != nil {
		defer resp.Body.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", path, err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, controlLimit+1))
	if err != nil {
		return nil, fmt.Errorf("GET %s: reading the body: %w", path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: status %d: %s", path, resp.StatusCode, serverMessage(body))
	}
	if len(body) > controlLimit {
		return nil, fmt.Errorf("GET %s: the answer has more than %d bytes", path, controlLimit)
	}
	return body, nil
}
