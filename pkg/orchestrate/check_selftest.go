package orchestrate

import (
	"fmt"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/selftest"
)

// selftest holds the load against what the last selftest of this machine showed to be measured exactly. Without one there is nothing
// to say.
func (c *checker) selftest() {
	if c.o.SelftestDir == "" {
		return
	}
	last, err := selftest.Stored(c.o.SelftestDir, selftest.ThisHost())
	if err != nil {
		c.warn(checkSelftest, err.Error(), "run sqzb-orchestrate selftest again")
		return
	}
	streams := c.atOnce()
	if last == nil || last.Limit != nil && streams <= last.Limit.Streams {
		return
	}
	shown := "that this client measures none of the loads that it tried exactly"
	if l := last.Limit; l != nil {
		shown = fmt.Sprintf("that this client is exact with up to %d streams at %.0f tokens/s", l.Streams, l.TokensPerSecond)
	}
	c.warn(checkSelftest, fmt.Sprintf("%s at once: the last selftest of this box (%s) showed %s", counted(streams, "request"),
		last.Time.Format(time.DateOnly), shown),
		fmt.Sprintf("run sqzb-orchestrate selftest --concurrency %d on the idle box, or bound load.concurrency", streams))
}
