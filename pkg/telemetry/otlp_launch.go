package telemetry

import (
	"slices"
	"strings"
)

// TraceFlag is the flag, without dashes, that takes the URL of a receiver.
const TraceFlag = "otlp-traces-endpoint"

// traceEnv makes the server's exporter speak what a TraceReceiver understands, and lose nothing.
var traceEnv = [][2]string{
	// gRPC is the default.
	{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"},
	{"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "none"},
	// The exporter posts after this many milliseconds (by default 5,000), or when it has a batch.
	{"OTEL_BSP_SCHEDULE_DELAY", "200"},
	// It drops what its queue cannot hold (by default 2,048) without a word.
	{"OTEL_BSP_MAX_QUEUE_SIZE", "131072"},
	{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "512"},
	// Either may have been set otherwise for another program of the user's.
	{"OTEL_TRACES_SAMPLER", "parentbased_always_on"},
	{"OTEL_SDK_DISABLED", "false"},
}

// TraceEnv returns what the server's environment needs, besides TraceFlag, to send its spans to a TraceReceiver. env (NAME=value)
// is the environment it will be added to: where that names a proxy, loopback is excepted from it, since the exporter goes by
// the proxy otherwise. A variable that the recipe sets itself is for the caller to leave as it is.
func TraceEnv(env []string) [][2]string {
	add := slices.Clone(traceEnv)
	if value(env, "http_proxy") == "" && value(env, "HTTP_PROXY") == "" && value(env, "all_proxy") == "" && value(env, "ALL_PROXY") == "" {
		return add
	}
	for _, name := range []string{"no_proxy", "NO_PROXY"} {
		except := value(env, name)
		// The lower-case name is the one that counts when both are set.
		if except == "" {
			except = value(env, "NO_PROXY")
		}
		switch {
		case except == "*":
		case except == "":
			except = "127.0.0.1"
		case !slices.Contains(strings.Split(strings.ReplaceAll(except, " ", ""), ","), "127.0.0.1"):
			except += ",127.0.0.1"
		}
		add = append(add, [2]string{name, except})
	}
	return add
}

// value is the last value of name in env; empty if it is not set.
func value(env []string, name string) string {
	for _, entry := range slices.Backward(env) {
		if v, ok := strings.CutPrefix(entry, name+"="); ok {
			return v
		}
	}
	return ""
}
