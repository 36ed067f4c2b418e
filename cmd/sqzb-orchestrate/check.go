package main

import (
	"encoding/json"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/squeezebits/sqzb-orchestrate/pkg/orchestrate"
)

func checkCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "look for all that stands against a run, or may disturb it, and start nothing",
		UsageText: "sqzb-orchestrate check -c RECIPE [-c RECIPE …] [--set path=value …] [--output DIR] [--json]",
		Description: "Looks at recipe, command, installed vLLM, flags, model, data set, adapters, port, disk and machine.\n" +
			"Exit code 0: no error was found. Otherwise it is the one that a run would end with.",
		Flags: slices.DeleteFunc(runFlags(), func(f cli.Flag) bool {
			return !slices.Contains([]string{"config", "set", "output", "json"}, f.Names()[0])
		}),
		Action: noArguments(p.check),
	}
}

// check prints what was found on stdout, for it is what was asked for.
func (p *program) check(c *cli.Context) error {
	recipes := c.StringSlice("config")
	if len(recipes) == 0 {
		return usageError{text: "no recipe: give one with -c FILE"}
	}
	o, err := processOptions()
	if err != nil {
		return err
	}
	configOptions, err := recipeOptions(c, o)
	if err != nil {
		return err
	}
	ctx, _, stop := interruptible(c.Context, p.stderr, 0)
	defer stop()
	o.Observe = newTalk(p.stderr).observe
	var all []*orchestrate.Preflight
	for _, path := range recipes {
		found, err := orchestrate.CheckRecipe(ctx, path, configOptions, o)
		if err != nil {
			return err
		}
		all = append(all, found)
		p.code = orchestrate.Worse(p.code, found.Code())
		if c.Bool("json") {
			continue
		}
		if _, err := p.stdout.Write(found.Text()); err != nil {
			return err
		}
	}
	if c.Bool("json") {
		return p.printFindings(all)
	}
	return nil
}

// printFindings prints the document of a single recipe as it is, and {"recipes": [...]} for several.
func (p *program) printFindings(all []*orchestrate.Preflight) error {
	var doc any = all[0]
	if len(all) > 1 {
		doc = struct {
			Recipes []*orchestrate.Preflight `json:"recipes"`
		}{all}
	}
	enc := json.NewEncoder(p.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}
