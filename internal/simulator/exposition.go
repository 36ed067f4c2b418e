package simulator

import (
	"fmt"
	"strconv"
	"time"
)

// expose writes everything that /metrics shows.
func (st *stats) expose(started time.Time) []byte {
	process := family{name: "process_start_time_seconds", kind: "gauge", help: "Start time of the process since unix epoch in seconds."}
	process.with().set(float64(started.UnixNano()) / 1e9)
	b := process.appendTo(nil)
	if !st.on {
		return b
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, f := range st.m.families {
		b = f.appendTo(b)
	}
	return b
}

// cacheConfig is the labels of vllm:cache_config_info.
func cacheConfig(o *options) []label {
	size := o.kvBlocks * o.blockSize
	override := "None"
	if value, ok := (argValues{o.given}).lookup("--num-gpu-blocks-override"); ok {
		override = value
	}
	pyBool := map[bool]string{true: "True", false: "False"}
	text := map[string]string{
		"_block_size_resolved": "True", "block_size": strconv.Itoa(o.blockSize), "cache_dtype": "auto",
		"cache_hit_alignment_tokens": "None", "effective_attention_block_size": strconv.Itoa(o.blockSize),
		"enable_mamba_shared_prefix_checkpoint": "False", "enable_prefix_caching": pyBool[o.prefixCaching], "engine": "0",
		"gpu_memory_utilization": (argValues{o.given}).text("--gpu-memory-utilization", "0.92"), "hash_block_size": "None",
		"is_attention_free": "False", "kv_cache_dtype_skip_layers": "[]", "kv_cache_layout": "None",
		"kv_cache_max_concurrency": fmt.Sprint(pyFloat(float64(size) / float64(o.maxModelLen))), "kv_cache_memory_bytes": "None",
		"kv_cache_size_tokens": strconv.Itoa(size), "kv_offloading_backend": "native", "kv_offloading_size": "None",
		"kv_sharing_fast_prefill": "False", "mamba_block_size": "None", "mamba_cache_dtype": "auto", "mamba_cache_mode": "none",
		"mamba_page_size_padded": "None", "mamba_ssm_cache_dtype": "auto", "num_cpu_blocks": "None",
		"num_gpu_blocks": strconv.Itoa(o.kvBlocks), "num_gpu_blocks_override": override, "prefix_cache_retention_interval": "0",
		"prefix_caching_hash_algo": "sha256", "prefix_match_unit": "None", "replayssm_buffer_len": "16",
		"skip_page_size_padded": "None", "sliding_window": "None", "swa_bounded_replay": "True", "use_kda_recoverssm": "False",
		"use_replayssm": "False", "user_specified_block_size": pyBool[o.blockSizeGiven],
	}
	labels := make([]label, 0, len(text))
	for name, value := range text {
		labels = append(labels, label{name, value})
	}
	return labels
}
