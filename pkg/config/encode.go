package config

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// YAML gives the recipe as resolved: every key, absolute paths, durations and "inf" as text. Variables of the environment
// are written as ${VAR}, not as what they stood for, so no secret gets into the file; loading it in the same environment
// gives an equal Config.
func (c *Config) YAML() []byte {
	w := &writer{}
	w.line(0, "name", scalarText(c.Name))
	w.server(&c.Server)
	w.line(0, "dataset", "")
	w.line(1, "path", Literal(c.Dataset.Path))
	w.line(1, "tokenizer", Literal(c.Dataset.Tokenizer))
	w.line(1, "num_requests", strconv.Itoa(c.Dataset.NumRequests))
	w.load(&c.Load)
	w.line(0, "output", "")
	w.line(1, "dir", Literal(c.Output.Dir))
	w.line(0, "verdict", "")
	w.line(1, "max_failed", strconv.Itoa(c.Verdict.MaxFailed))
	w.line(1, "max_schedule_lag", c.Verdict.MaxScheduleLag.String())
	w.line(1, "max_schedule_lag_gap_share", numberText(c.Verdict.MaxScheduleLagGapShare))
	w.line(1, "max_client_cpu_share", numberText(c.Verdict.MaxClientCPUShare))
	w.line(1, "max_lag_icl_share", numberText(c.Verdict.MaxLagICLShare))
	w.line(1, "max_coalesced_share", numberText(c.Verdict.MaxCoalescedShare))
	w.line(1, "max_measured_gap_share", numberText(c.Verdict.MaxMeasuredGapShare))
	return []byte(w.String())
}

// Literal is the YAML of a path or a variable's value that means s exactly, with no variable in it, for use on the
// right of an override: Options.Set = append(Options.Set, "output.dir="+Literal(dir)). s must be UTF-8.
func Literal(s string) string { return scalarText(escape(s)) }

type writer struct {
	strings.Builder
}

// line writes one key; a value of "" begins a map.
func (w *writer) line(depth int, key, value string) {
	if value != "" {
		value = " " + value
	}
	fmt.Fprintf(w, "%s%s:%s\n", strings.Repeat("  ", depth), key, value)
}

func (w *writer) server(s *Server) {
	w.line(0, "server", "")
	w.line(1, "command", flowList(storedCommand(s.Command, s.CommandRaw), scalarText))
	w.line(1, "model", Literal(s.Model))
	w.line(1, "served_model_name", scalarText(s.ServedModelName))
	w.open("args", len(s.Args))
	for _, a := range s.Args {
		w.line(2, scalarText(a.Name), argValue(a))
	}
	w.open("env", len(s.Env))
	for _, v := range s.Env {
		w.line(2, scalarText(v.Name), argText(v.Raw))
	}
	w.line(1, "host", scalarText(s.Host))
	w.line(1, "port", wordOrNumber("auto", 0, s.Port))
	w.line(1, "ready_timeout", durationText(s.ReadyTimeout))
	w.line(1, "stop_timeout", durationText(s.StopTimeout))
	w.line(1, "stop_command", flowList(storedCommand(s.StopCommand, s.StopCommandRaw), scalarText))
	w.line(1, "timings", scalarText(s.Timings))
}

// open begins a map below server, on one line when it is empty.
func (w *writer) open(key string, n int) {
	if n == 0 {
		w.line(1, key, "{}")
		return
	}
	w.line(1, key, "")
}

func (w *writer) load(l *Workload) {
	w.line(0, "load", "")
	w.line(1, "max_input_len", strconv.Itoa(l.MaxInputLen))
	w.line(1, "max_output_len", strconv.Itoa(l.MaxOutputLen))
	w.line(1, "request_rate", rateText(l.RequestRate))
	w.line(1, "ramp", rampText(l.Ramp))
	w.line(1, "burstiness", rateText(l.Burstiness))
	w.line(1, "duration", offText(l.Duration))
	w.line(1, "concurrency", strconv.Itoa(l.Concurrency))
	w.line(1, "seed", strconv.FormatInt(l.Seed, 10))
	w.line(1, "ignore_eos", truthText(l.IgnoreEOS))
	stop := "auto"
	if l.StopTokenIDs != nil {
		stop = strings.ReplaceAll(fmt.Sprint(l.StopTokenIDs), " ", ", ")
	}
	w.line(1, "stop_token_ids", stop)
	w.line(1, "receive_stamps", l.ReceiveStamps)
	w.line(1, "chunk_usage", truthText(l.ChunkUsage))
	w.line(1, "stall_timeout", offText(l.StallTimeout))
	w.line(1, "warmup_requests", wordOrNumber("auto", -1, l.WarmupRequests))
}

// storedCommand is a command with its variables where they are known, and escaped as it is where they are not.
func storedCommand(command, raw []string) []string {
	if len(raw) == len(command) {
		return raw
	}
	out := make([]string, len(command))
	for i, word := range command {
		out[i] = escape(word)
	}
	return out
}

func wordOrNumber(word string, means, value int) string {
	if value == means {
		return word
	}
	return strconv.Itoa(value)
}

// truthText is true, false or, for nil, auto.
func truthText(v *bool) string {
	if v == nil {
		return "auto"
	}
	return strconv.FormatBool(*v)
}

func numberText(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// rateText is a number that may be infinite.
func rateText(v float64) string {
	if math.IsInf(v, 1) {
		return "inf"
	}
	return numberText(v)
}

func rampText(r *Ramp) string {
	if r == nil {
		return "{}"
	}
	return fmt.Sprintf("{from: %s, to: %s, duration: %s}", numberText(r.From), numberText(r.To), durationText(r.Duration))
}

// offText is a duration that may be none.
func offText(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	return durationText(d)
}

// durationText is 30m where Duration.String says 30m0s.
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func argValue(a Arg) string {
	switch {
	case a.Off:
		return "false"
	case len(a.Values) == 0:
		return "true"
	case len(a.Values) == 1:
		return argText(a.Values[0])
	}
	return flowList(a.Values, argText)
}

func flowList(values []string, render func(string) string) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = render(v)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// argText is a value that is taken as it is written, so that a number needs no quotes.
func argText(s string) string {
	if jsonNumber.MatchString(s) {
		return s
	}
	return scalarText(s)
}

var plainText = regexp.MustCompile(`^-{0,2}[A-Za-z0-9_/][A-Za-z0-9_/.@+-]*$`)

// scalarText is text in YAML, without quotes where it is text to every reader. A Go string literal is a YAML string.
func scalarText(s string) string {
	n := yaml.Node{Kind: yaml.ScalarNode, Value: s}
	if plainText.MatchString(s) && !otherTruth.MatchString(s) && n.ShortTag() == "!!str" {
		return s
	}
	return strconv.Quote(s)
}
