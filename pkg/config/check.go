package config

import (
	"path/filepath"
	"regexp"
	"strings"
)

// finish fills in the defaults that depend on the recipe's place or on other keys.
func (d *decoder) finish() {
	c := d.config
	if _, given := d.at["name"]; !given {
		d.nameAfterFile()
	}
	if _, given := d.at["output.dir"]; !given {
		c.Output.Dir = filepath.Join(d.base, c.Output.Dir)
	}
	if c.Dataset.Tokenizer == "" {
		c.Dataset.Tokenizer = c.Server.Model
	}
}

func (d *decoder) nameAfterFile() {
	file := filepath.Base(d.file)
	name := strings.TrimSuffix(file, filepath.Ext(file))
	if !regexp.MustCompile(namePattern).MatchString(name) {
		d.report(d.at[""], "name", "no name, and the file's name does not do, got %s; allowed %s", quote(name), d.keys["name"].allowed)
		return
	}
	d.config.Name = name
}

// check looks at what several keys say together.
func (d *decoder) check() {
	c := d.config
	_, hasModel := d.at["server.model"]
	if !hasModel && d.isFree("server.model") {
		d.report(d.near("server.model"), "server.model", "missing; allowed %s", d.keys["server.model"].allowed)
	}
	if c.Dataset.Path == "" && c.Load.MaxInputLen == 0 && d.isFree("dataset.path") && d.isFree("load.max_input_len") {
		got := "nothing"
		if _, given := d.at["load.max_input_len"]; given {
			got = "0"
		}
		d.report(d.near("load.max_input_len"), "load.max_input_len",
			"prompts are random without dataset.path and need a length, got %s; allowed a whole number from 1 to %d", got, maxCount)
	}
	d.checkArrivals()
}

// isFree is true for a key about which nothing has been reported.
func (d *decoder) isFree(path string) bool {
	section, _, _ := strings.Cut(path, ".")
	return !d.broken[path] && !d.meant[path] && !d.meant[section]
}

// near is the place of a key's value, else of the section it belongs in, else of the recipe.
func (d *decoder) near(path string) place {
	if at, ok := d.values[path]; ok {
		return at
	}
	section, _, _ := strings.Cut(path, ".")
	if at, ok := d.at[section]; ok {
		return at
	}
	return d.at[""]
}
