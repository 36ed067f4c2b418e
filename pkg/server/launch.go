package server

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"
)

// Flag is one flag of the server.
type Flag struct {
	// Name is the flag without leading dashes; "_" and "-" mean the same, as they do for vLLM.
	Name string
	// Off leaves the flag out.
	Off bool
	// Values follow the flag, each as an argument of its own; none makes a bare flag.
	Values []string
}

// Launch is everything that makes up the server's command line.
type Launch struct {
	// Command starts the server, before any argument: python -m vllm.entrypoints.openai.api_server, vllm serve, or a
	// wrapper script that takes the arguments of the former.
	Command []string
	// Model is a folder or a Hugging Face name; empty leaves it out.
	Model string
	// ServedNames are the names the server answers to, the first of which identifies this launch; none leaves the flag out.
	ServedNames []string
	// Host and Port are where the server listens; a zero value leaves the flag out.
	Host string
	Port int
	// Flags follow in this order.
	Flags []Flag
}

// Argv returns the command line, program first. It is a pure function of the launch.
func (l Launch) Argv() []string {
	argv := append([]string(nil), l.Command...)
	switch {
	case l.Model == "":
	case isVLLMServe(l.Command):
		argv = append(argv, l.Model)
	default:
		argv = append(argv, "--model", l.Model)
	}
	if l.Host != "" {
		argv = append(argv, "--host", l.Host)
	}
	if l.Port != 0 {
		argv = append(argv, portFlag, strconv.Itoa(l.Port))
	}
	if len(l.ServedNames) > 0 {
		argv = append(append(argv, servedNameFlag), l.ServedNames...)
	}
	for _, f := range l.Flags {
		if !f.Off {
			argv = append(append(argv, "--"+dashed(f.Name)), f.Values...)
		}
	}
	return argv
}

// The flags whose value differs between two launches of the same server.
const (
	portFlag       = "--port"
	servedNameFlag = "--served-model-name"
)

// isVLLMServe tells whether command ends in "vllm serve", which wants the model as its positional argument.
func isVLLMServe(command []string) bool {
	n := len(command)
	return n >= 2 && filepath.Base(command[n-2]) == "vllm" && command[n-1] == "serve"
}

// dashed spells a flag with dashes. What follows the first dot is a key inside the flag's JSON value
// (--speculative-config.num_speculative_tokens) and is kept.
func dashed(name string) string {
	own, key, dotted := strings.Cut(name, ".")
	own = strings.ReplaceAll(own, "_", "-")
	if dotted {
		return own + "." + key
	}
	return own
}

func hostPort(host string, port int) string {
	return net.JoinHostPort(host, strconv.Itoa(port))
}
