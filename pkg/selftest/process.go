package selftest

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"time"
)

// residentBytes is how much memory this process has; 0 where that is not known.
func residentBytes() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// memoryEvery is how often memory is looked at: a system call of some microseconds.
const memoryEvery = 200 * time.Millisecond

// watchMemory looks at residentBytes now and again, until what it returns is called, which returns the most that was seen.
func watchMemory() (peak func() int64) {
	most := residentBytes()
	quit := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(memoryEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				most = max(most, residentBytes())
			case <-quit:
				return
			}
		}
	})
	return func() int64 {
		close(quit)
		watching.Wait()
		return max(most, residentBytes())
	}
}
