package client

import (
	"fmt"
	"net"
	"net/url"
)

// parseBase checks the address of a server, such as http://127.0.0.1:8000.
func parseBase(base string) (*url.URL, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("base URL: %w", err)
	}
	if u.Scheme != "http" || u.Hostname() == "" || u.User != nil || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("base URL: got %q; allowed http://HOST:PORT", base)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// dialAddress is what to connect to, with the port that http implies.
func dialAddress(base *url.URL) string {
	port := base.Port()
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(base.Hostname(), port)
}
