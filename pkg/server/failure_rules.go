package server

import (
	"slices"
	"strconv"
	"strings"
)

// weight says how sure it is that a cause explains the end of a server.
type weight int

const (
	none weight = iota
	// hint: it goes wrong in servers that run as well, but where nothing else is found it may be the reason.
	hint
	// likely: it ends a server, but may itself follow from something else.
	likely
	// certain: it ends a server and is a reason of its own.
	certain
)

// rule recognises a cause in a statement.
//
// Note: rules match fixed texts rather than patterns, so that each can be looked up in the sources of the program that says
// it, and since a log may hold a million errors.
type rule struct {
	class FailureClass
	// weak is the weight where it is not certain.
	weak weight
	// exceptions are the names of the exceptions that the rule is about; none for all, and for messages that are no
	// exception.
	exceptions []string
	// says are texts of which the statement contains one, and also those of which it contains each as well.
	says, also []string
	// file is a part of the path of the file that raised the exception.
	file []string
	// printed is true for what a program other than Python may print: such a line has no mark of an error, so the texts
	// must be unmistakable.
	printed bool
	// advise gives advice better than that of the class, nil or empty for that of the class.
	advise func(text string) string
}

func (r *rule) weight() weight {
	if r.weak != none {
		return r.weak
	}
	return certain
}

// match tells whether the rule explains a statement that was raised in file.
func (r *rule) match(st statement, file string) bool {
	if st.printed && !r.printed {
		return false
	}
	if r.exceptions != nil && !slices.Contains(r.exceptions, st.exception) {
		return false
	}
	if r.file != nil && !containsAny(file, r.file) {
		return false
	}
	if r.says != nil && !containsAny(st.text, r.says) {
		return false
	}
	for _, text := range r.also {
		if !strings.Contains(st.text, text) {
			return false
		}
	}
	return true
}

func containsAny(text string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// ruleTables are all rules, those that tell more first.
var ruleTables = [][]rule{flagRules, memoryRules, deviceRules, modelRules, systemRules, generalRules}

// explain returns the first rule that explains a statement, nil if none does.
func explain(st statement, file string) *rule {
	for _, table := range ruleTables {
		for i := range table {
			if table[i].match(st, file) {
				return &table[i]
			}
		}
	}
	return nil
}

// failure is what a cause amounts to.
func (c *cause) failure(e Evidence) Failure {
	f := Failure{Class: c.rule.class, Line: causeLine(c.line), LineNumber: c.number}
	if f.Class == FailureOutOfMemoryStart && e.Ready {
		f.Class = FailureOutOfMemory
	}
	f.Retry = f.Class == FailureFreeMemory
	if c.rule.advise != nil {
		f.Advice = c.rule.advise(c.text)
	}
	if f.Advice == "" {
		f.Advice = advice[f.Class]
	}
	return f
}

// fixed is the advice of a rule that does not depend on the statement.
func fixed(text string) func(string) string { return func(string) string { return text } }

// atoi is the value of a number that a pattern has found, 0 if it is too large.
func atoi(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

// generalRules say only where in the program something went wrong, so they come last.
var generalRules = []rule{
	{
		class: FailureInvalidValue, weak: likely,
		exceptions: []string{"ValidationError"},
		says:       []string{": Input should be", ": Unexpected keyword argument", ": Extra inputs are not permitted", ": Field required"},
	},
	{class: FailureFlagConflict, weak: likely, exceptions: []string{"ValidationError"}, says: []string{"Value error, ", "Assertion failed, "}},
	{
		class: FailureFlagConflict, weak: likely,
		exceptions: []string{"ValueError", "AssertionError", "NotImplementedError", "TypeError"},
		file:       []string{"/vllm/config", "/vllm/engine/arg_utils.py", "/cli_args.py", "/vllm/platforms/", "/argparse_utils.py"},
	},
	{
		class: FailureFlagConflict, weak: likely, says: []string{" --", "`--", "'--"},
		exceptions: []string{"ValueError", "AssertionError", "NotImplementedError"},
	},
	{class: FailureDiskFull, weak: likely, says: []string{"No space left on device", "Disk quota exceeded", "StorageFull"}},
	{class: FailureOpenFiles, weak: likely, says: []string{"Too many open files"}},
	{class: FailurePermission, weak: likely, exceptions: []string{"PermissionError"}},
}
