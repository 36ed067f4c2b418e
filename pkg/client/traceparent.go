package client

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// TraceParent is the value of a traceparent header (W3C Trace Context) for the request of that id, marked as sampled. The
// same id gives the same value, and different ids different trace ids, so that spans can be joined to requests by either.
func TraceParent(requestID string) string {
	sum := sha256.Sum256([]byte(requestID))
	return "00-" + hex.EncodeToString(sum[:16]) + "-" + hex.EncodeToString(sum[16:24]) + "-01"
}

// TraceID is the trace id in TraceParent, 32 hexadecimal digits; empty where there is none.
func (r *Request) TraceID() string {
	_, rest, _ := strings.Cut(r.TraceParent, "-")
	id, _, _ := strings.Cut(rest, "-")
	return id
}
