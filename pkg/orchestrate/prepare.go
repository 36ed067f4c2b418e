package orchestrate

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
	"github.com/squeezebits/sqzb-orchestrate/pkg/config"
	"github.com/squeezebits/sqzb-orchestrate/pkg/dataset"
)

// Bounds of the automatic warm-up: enough requests to fill a batch and compile what is compiled lazily, few enough to cost
// little beside the pass.
const (
	maxAutoWarmup      = 32
	warmupOutputTokens = 4
)

// Inputs is what both passes send, checked against what the model takes.
type Inputs struct {
	Model   dataset.Model
	Prompts dataset.Set
	// Probe is the prompt of the completion that decides readiness, Warmup the prompts sent before the measured ones;
	// neither shares a cache block with Prompts.
	Probe, Warmup dataset.Set
	// Offsets are when the requests are sent, from the start of a pass.
	Offsets []time.Duration
	// MaxModelLen is the limit that prompts were checked against: the recipe's max-model-len, else the model's own; 0 when
	// neither is known.
	MaxModelLen int
	IgnoreEOS   bool
	StopIDs     []int
	// ChunkUsage asks the server for token counts in every chunk.
	ChunkUsage bool
}

// prepare reads the model's facts and the data set and checks one against the other, before anything is started. It goes on
// after an error as far as there is something left to find; the Inputs are complete only if there are none. The step of an
// error is the check that it belongs to.
func prepare(ctx context.Context, cfg *config.Config, o Options) (*Inputs, []*Error) {
	var errs []*Error
	note := func(err *Error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	in := &Inputs{}
	note(in.readModel(cfg, o))
	note(in.readLimit(cfg))
	n, tooFew := requestCount(cfg)
	note(tooFew)
	note(in.loadPrompts(ctx, cfg, n))
	if len(errs) > 0 {
		return in, errs
	}
	note(in.makeWarmup(cfg))
	in.decideStops(cfg)
	in.ChunkUsage = chunkUsage(cfg)
	in.Offsets = bench.Schedule(arrivals(cfg, len(in.Prompts.Prompts)))
	return in, errs
}

func (in *Inputs) readModel(cfg *config.Config, o Options) *Error {
	model, err := dataset.ReadModel(modelOptions(cfg, o))
	if err != nil {
		return fail(ExitRecipe, checkModel, err, "set server.model to a complete model folder, or dataset.tokenizer to "+
			"a folder with its config.json and tokenizer files")
	}
	in.Model = model
	if model.VocabSize <= 0 {
		return fail(ExitRecipe, checkModel, fmt.Errorf("%s/config.json has no vocab_size", model.Dir),
			"set dataset.tokenizer to a folder whose config.json has it")
	}
	return nil
}

func (in *Inputs) readLimit(cfg *config.Config) *Error {
	n, err := maxModelLen(cfg.Server.Args, in.Model)
	if err != nil {
		return fail(ExitRecipe, checkFlags, err, "correct it in server.args")
	}
	in.MaxModelLen = n
	return nil
}

// countedBeyond is how many arrivals are counted at most beyond those that there are prompts for.
const countedBeyond = 10_000_000

// requestCount is how many requests a pass sends: dataset.num_requests, or as many as arrive within load.duration. An error is
// that these are more.
func requestCount(cfg *config.Config) (int, *Error) {
	wanted := cfg.Dataset.NumRequests
	if cfg.Load.Duration == 0 {
		return wanted, nil
	}
	n := arrivals(cfg, wanted+countedBeyond).Count()
	if n <= wanted {
		return n, nil
	}
	needed := strconv.Itoa(n)
	if n == wanted+countedBeyond {
		needed += " or more"
	}
	return wanted, fail(ExitRecipe, checkRecipe, fmt.Errorf("within load.duration (%v) %s requests arrive, and dataset.num_requests is %d",
		cfg.Load.Duration, needed, wanted), fmt.Sprintf("set dataset.num_requests to at least %d, or shorten load.duration", n))
}

// loadPrompts reads or makes n prompts and checks them against as much as is known of the model.
func (in *Inputs) loadPrompts(ctx context.Context, cfg *config.Config, n int) *Error {
	var err error
	switch {
	case cfg.Dataset.Path != "":
		in.Prompts, err = dataset.Load(ctx, loadOptions(cfg, n))
	case in.Model.VocabSize > 0:
		in.Prompts, err = dataset.Random(randomOptions(cfg, in.Model, n))
	default:
		return nil
	}
	if err != nil {
		return fail(ExitDataset, checkDataset, err, "correct the section dataset of the recipe, or the file")
	}
	if err := in.Prompts.Check(limits(cfg, in.Model, in.MaxModelLen)); err != nil {
		return fail(ExitDataset, checkDataset, err, "use a data set for this model, or change max-model-len in server.args or the "+
			"lengths in load")
	}
	return nil
}

// makeWarmup makes one prompt to decide readiness and the warm-up prompts, as long as the longest prompt of the run.
func (in *Inputs) makeWarmup(cfg *config.Config) *Error {
	n := warmupRequests(cfg, len(in.Prompts.Prompts))
	set, err := dataset.Warmup(warmupOptions(cfg, in, n+1), in.Prompts)
	if err != nil {
		return fail(ExitDataset, checkDataset, fmt.Errorf("making warm-up prompts: %w", err), "")
	}
	in.Probe, in.Warmup = set, set
	in.Probe.Prompts, in.Warmup.Prompts = set.Prompts[:1], set.Prompts[1:]
	return nil
}

// warmupRequests is the recipe's number, or as many requests as run at once: the least of the requests there are, the
// concurrency bound, the server's max-num-seqs and maxAutoWarmup.
func warmupRequests(cfg *config.Config, requests int) int {
	if n := cfg.Load.WarmupRequests; n >= 0 {
		return n
	}
	n := min(requests, maxAutoWarmup)
	if cfg.Load.Concurrency > 0 {
		n = min(n, cfg.Load.Concurrency)
	}
	if seqs, err := strconv.Atoi(argValue(cfg.Server.Args, "max-num-seqs")); err == nil && seqs > 0 {
		n = min(n, seqs)
	}
	return n
}

// decideStops resolves "auto" of ignore_eos and stop_token_ids: random prompts ignore the end of sequence, a data set
// stops at the model's eos ids and <|eot_id|>.
func (in *Inputs) decideStops(cfg *config.Config) {
	random := cfg.Dataset.Path == ""
	in.IgnoreEOS = random
	if cfg.Load.IgnoreEOS != nil {
		in.IgnoreEOS = *cfg.Load.IgnoreEOS
	}
	in.StopIDs = cfg.Load.StopTokenIDs
	// The recipe's ids, an empty list included, are taken as they are. Ignoring the end of sequence and yet stopping at its
	// id would be a contradiction, so "auto" adds none then.
	if in.StopIDs == nil && !in.IgnoreEOS {
		for _, id := range in.Model.StopIDs() {
			in.StopIDs = append(in.StopIDs, int(id))
		}
	}
}

// argValue is the single value of a flag of the recipe, by its name with dashes; "" when it is absent, off, bare or a list.
func argValue(args []config.Arg, name string) string {
	i := slices.IndexFunc(args, func(a config.Arg) bool {
		return strings.ReplaceAll(a.Name, "_", "-") == name && !a.Off && len(a.Values) == 1
	})
	if i < 0 {
		return ""
	}
	return args[i].Values[0]
}

// maxModelLen is the recipe's max-model-len, else what the model's config.json says. "auto" and -1 leave the choice to the
// server and count as the model's own.
func maxModelLen(args []config.Arg, model dataset.Model) (int, error) {
	text := argValue(args, "max-model-len")
	if text == "" || text == "auto" || text == "-1" {
		return model.MaxPositionEmbeddings, nil
	}
	n, err := parseHumanInt(text)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("max-model-len: got %q; allowed: a positive number of tokens (8192, 8k, 8K), auto or -1", text)
	}
	return n, nil
}

// parseHumanInt reads an integer as vLLM's command line does: lower-case k, m, g, t are powers of 1000 (and may follow a
// decimal fraction), upper-case K, M, G, T are powers of 1024 (whole numbers only).
func parseHumanInt(text string) (int, error) {
	if text == "" {
		return 0, fmt.Errorf("empty number")
	}
	number, suffix := text[:len(text)-1], text[len(text)-1]
	if i := strings.IndexByte("kmgt", suffix); i >= 0 {
		f, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return 0, fmt.Errorf("reading number %q: %w", text, err)
		}
		for range i + 1 {
			f *= 1000
		}
		return int(f), nil
	}
	if i := strings.IndexByte("KMGT", suffix); i >= 0 {
		n, err := strconv.Atoi(number)
		if err != nil {
			return 0, fmt.Errorf("reading number %q: %w", text, err)
		}
		return n << (10 * (i + 1)), nil
	}
	return strconv.Atoi(text)
}
