package metronome

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const (
	completionsPath = "/v1/completions"

	typeJSON = "application/json"
	typeText = "text/plain; version=1.0.0; charset=utf-8"
)

// answer is the whole response to anything but a stream.
func (s *server) answer(r request) []byte {
	allowed := http.MethodGet
	switch r.path {
	case completionsPath:
		allowed = http.MethodPost
	case "/health", "/ping", "/version", "/metrics", "/v1/models":
	default:
		return response(http.StatusNotFound, typeJSON, `{"detail":"Not Found"}`)
	}
	if r.method != allowed {
		return response(http.StatusMethodNotAllowed, typeJSON, `{"detail":"Method Not Allowed"}`)
	}
	switch r.path {
	case "/version":
		return response(http.StatusOK, typeJSON, `{"version":`+quoted(s.o.Version)+`}`)
	case "/metrics":
		return response(http.StatusOK, typeText, "# A metronome counts nothing.\n")
	case "/v1/models":
		return response(http.StatusOK, typeJSON, s.models())
	}
	return response(http.StatusOK, typeText, "")
}

func (s *server) models() string {
	type card struct {
		ID      string  `json:"id"`
		Object  string  `json:"object"`
		Created int64   `json:"created"`
		OwnedBy string  `json:"owned_by"`
		Root    string  `json:"root"`
		Parent  *string `json:"parent"`
		MaxLen  int     `json:"max_model_len"`
	}
	list := struct {
		Object string `json:"object"`
		Data   []card `json:"data"`
	}{Object: "list"}
	for _, name := range s.o.Models {
		list.Data = append(list.Data, card{ID: name, Object: "model", Created: s.started.Unix(), OwnedBy: "vllm",
			Root: s.o.Root, MaxLen: s.o.MaxModelLen})
	}
	text, _ := json.Marshal(list) // strings and numbers always have a JSON form
	return string(text)
}

// refusal is vLLM's response to a body that it cannot use.
func refusal(err error) []byte {
	return response(http.StatusBadRequest, typeJSON, `{"error":{"message":`+quoted(err.Error())+
		`,"type":"BadRequestError","param":null,"code":400}}`)
}

// response is a response of known length.
func response(status int, kind, body string) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\ndate: %s\r\nserver: uvicorn\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n%s",
		status, http.StatusText(status), httpDate(), kind, len(body), body)
}

// streamHead begins the response that is a stream.
func streamHead() []byte {
	return []byte("HTTP/1.1 200 OK\r\ndate: " + httpDate() + "\r\nserver: uvicorn\r\n" +
		"content-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n")
}

func httpDate() string { return time.Now().UTC().Format(http.TimeFormat) }

// quoted is a string in JSON.
func quoted(text string) string {
	if b, err := json.Marshal(text); err == nil {
		return string(b)
	}
	return strconv.Quote(text)
}
