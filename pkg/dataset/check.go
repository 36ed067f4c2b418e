package dataset

import (
	"fmt"
	"strings"
)

// Limits are what prompts must keep to; a limit of 0 is none.
type Limits struct {
	// MaxInputLen is the longest prompt allowed, in ids.
	MaxInputLen int
	// MaxModelLen is the server's limit for a prompt and its output together, in ids.
	MaxModelLen int
	// MaxOutputLen is how many ids will be generated after each prompt; it counts only with MaxModelLen.
	MaxOutputLen int
	// VocabSize is the number of ids the model knows; ids must be below it.
	VocabSize int
}

// Check refuses prompts that a server with these limits would refuse, or fail at, all of them in one error with their row
// numbers. A row that breaks several limits is listed under each.
func (s Set) Check(l Limits) error {
	room := l.MaxModelLen - l.MaxOutputLen
	if l.MaxModelLen > 0 && room < 1 {
		return fmt.Errorf("%d ids of output leave no room for a prompt within the model's limit of %d; lower the output "+
			"length or raise the limit", l.MaxOutputLen, l.MaxModelLen)
	}
	var problems []string
	report := func(what string, rows offenders) {
		if rows.count > 0 {
			problems = append(problems, what+": "+rows.text())
		}
	}
	if l.MaxModelLen > 0 {
		report(fmt.Sprintf("too long for the model, at most %d ids allowed (its limit of %d less %d of output)", room,
			l.MaxModelLen, l.MaxOutputLen), s.longer(room))
	}
	if l.MaxInputLen > 0 {
		report(fmt.Sprintf("longer than the longest prompt allowed, at most %d ids", l.MaxInputLen), s.longer(l.MaxInputLen))
	}
	if l.VocabSize > 0 {
		report(fmt.Sprintf("ids outside of the model's vocabulary, at most %d allowed", l.VocabSize-1), s.beyond(l.VocabSize))
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("data set %s does not fit (rows count from 0): %s", s.Source, strings.Join(problems, "; "))
}

// offenders are rows that break one limit: the first ones with what they have, and the number of all.
type offenders struct {
	listed []string
	count  int
}

func (o *offenders) add(row int, got string) {
	o.count++
	if len(o.listed) < maxListed {
		o.listed = append(o.listed, fmt.Sprintf("row %d has %s", row, got))
	}
}

func (o *offenders) text() string {
	rows := "rows"
	if o.count == 1 {
		rows = "row"
	}
	text := fmt.Sprintf("%d %s: %s", o.count, rows, strings.Join(o.listed, ", "))
	if n := o.count - len(o.listed); n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

func (s Set) longer(limit int) (o offenders) {
	for _, p := range s.Prompts {
		if n := len(p.IDs); n > limit {
			o.add(p.Row, fmt.Sprintf("%d ids", n))
		}
	}
	return o
}

func (s Set) beyond(vocab int) (o offenders) {
	for _, p := range s.Prompts {
		for i, id := range p.IDs {
			if int(id) >= vocab {
				o.add(p.Row, fmt.Sprintf("id %d at %d", id, i))
				break
			}
		}
	}
	return o
}
