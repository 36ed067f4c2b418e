package orchestrate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"

	"github.com/squeezebits/sqzb-orchestrate/pkg/config"
	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
)

// Series runs recipes one after the other, each with its own server, and calls done after each. One that fails does not
// stop the next; an interrupt does. configOptions apply to every recipe. It returns the results of those that were tried, in
// order, and the worst exit code.
func Series(ctx context.Context, paths []string, configOptions config.Options, o Options, done func(Result)) ([]Result,
	ExitCode) {
	var results []Result
	worst := ExitOK
	for _, path := range paths {
		res := one(ctx, path, configOptions, o)
		results = append(results, res)
		worst = Worse(worst, res.Code)
		done(res)
		if ctx.Err() != nil {
			break
		}
	}
	return results, worst
}

func one(ctx context.Context, path string, configOptions config.Options, o Options) Result {
	cfg, err := LoadRecipe(path, configOptions, &o)
	if err != nil {
		return Result{Name: path, Err: err, Code: ExitRecipe}
	}
	return Run(ctx, cfg, o)
}

// maskOverrides are overrides fit to be stored: the values of secrets, and whole maps that may hold some, are left out.
func maskOverrides(set []string) []string {
	list := make([]string, len(set))
	for i, s := range set {
		path, value, _ := strings.Cut(s, "=")
		name := path[strings.LastIndexByte(path, '.')+1:]
		list[i] = path + "=***"
		if path != "server" && path != "server.env" && path != "server.args" {
			list[i] = path + strings.TrimPrefix(server.Mask([]string{name + "=" + value})[0], name)
		}
	}
	return list
}

// LoadRecipe loads a recipe and notes in o where it came from. Errors are *Error.
func LoadRecipe(path string, configOptions config.Options, o *Options) (*config.Config, error) {
	cfg, err := config.Load(path, configOptions)
	if err != nil {
		return nil, fail(ExitRecipe, "recipe", err, "")
	}
	o.RecipePath, o.Set = path, maskOverrides(configOptions.Set)
	if data, err := os.ReadFile(path); err == nil {
		sum := sha256.Sum256(data)
		o.RecipeSHA256 = hex.EncodeToString(sum[:])
	}
	return cfg, nil
}
