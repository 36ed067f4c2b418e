package orchestrate

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/squeezebits/sqzb-orchestrate/pkg/dataset"
	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
)

// takeCensus counts what the prompts share in whole blocks of the server's cache, before any of them is sent: so much of them
// may come out of a cache that was empty. A server that does not tell its block size leaves it unknown.
func (p *pass) takeCensus() {
	before, err := readMetrics(filepath.Join(p.dir, report.MetricsBeforeFile))
	if err != nil {
		return // the snapshot has told of it
	}
	block := cacheConfig(before).BlockSize
	if block == 0 {
		return
	}
	c, err := p.inputs.Prompts.Census(block)
	if err != nil {
		p.o.Observe(Note{Text: p.name + ": " + err.Error()})
		return
	}
	p.info.Census = &report.Census{BlockSize: c.BlockSize, MaxCachedTokens: c.SharedTokens, DuplicateRows: len(c.Duplicates)}
	if c.SharedTokens > 0 && p.name == report.PassFull {
		p.o.Observe(Note{Text: fmt.Sprintf("up to %.1f %% of the prompt tokens (%d) can come from the server's prefix cache: "+
			"prompts share whole blocks of %d", 100*c.Share(), c.SharedTokens, block)})
	}
}

// duplicatesText names prompts that are there more than once; empty if there are none.
func duplicatesText(set dataset.Set) string {
	list := set.Duplicates()
	if len(list) == 0 {
		return ""
	}
	var rows []string
	for _, d := range list[:min(len(list), 3)] {
		rows = append(rows, fmt.Sprintf("row %d is row %d", d.Row, d.First))
	}
	if more := len(list) - len(rows); more > 0 {
		rows = append(rows, fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("%d of %d prompts repeat an earlier one: %s", len(list), len(set.Prompts), strings.Join(rows, ", "))
}
