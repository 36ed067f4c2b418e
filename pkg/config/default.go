package config

import (
	"math"
	"time"
)

// Default returns what a recipe means by the keys it leaves out. Server.Model has no default, and Load.MaxInputLen must be
// given when there is no data set. Three defaults are relative to the recipe and filled in by Load: Name is empty here (the
// recipe's file name), Dataset.Tokenizer is empty (Server.Model), and Output.Dir is relative to the recipe's folder.
func Default() Config {
	command := []string{"python", "-m", "vllm.entrypoints.openai.api_server"}
	return Config{
		Server: Server{
			Command:      command,
			CommandRaw:   append([]string(nil), command...),
			Host:         "127.0.0.1",
			Port:         0,
			ReadyTimeout: 30 * time.Minute,
			StopTimeout:  time.Minute,
			Timings:      "auto",
		},
		Dataset: Dataset{NumRequests: 1024},
		Load: Workload{
			MaxOutputLen:   1024,
			RequestRate:    math.Inf(1),
			Burstiness:     1,
			ReceiveStamps:  "auto",
			StallTimeout:   10 * time.Minute,
			WarmupRequests: -1,
		},
		Output: Output{Dir: "results"},
		Verdict: Verdict{MaxScheduleLag: 50 * time.Millisecond, MaxScheduleLagGapShare: 0.01, MaxClientCPUShare: 0.90,
			MaxLagICLShare: 0.05, MaxCoalescedShare: 0.01, MaxMeasuredGapShare: 0.20},
	}
}
