package client

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// clipLength bounds what of a server's words goes into an error, in bytes.
const clipLength = 1000

// serverMessage returns the message in an error body, whatever its shape: nested {"error": {"message": …}}, flat
// {"object": "error", "message": …}, {"error": "…"}, FastAPI's {"detail": …}, or plain text.
func serverMessage(body []byte) string {
	var flat struct {
		Error   json.RawMessage `json:"error"`
		Message json.RawMessage `json:"message"`
		Detail  json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(body, &flat) != nil {
		return clip(body)
	}
	if notNull(flat.Error) != nil {
		var nested struct {
			Message json.RawMessage `json:"message"`
		}
		if json.Unmarshal(flat.Error, &nested) == nil && notNull(nested.Message) != nil {
			return text(nested.Message)
		}
		return text(flat.Error)
	}
	for _, raw := range []json.RawMessage{flat.Message, flat.Detail} {
		if notNull(raw) != nil {
			return text(raw)
		}
	}
	return clip(body)
}

// text returns a JSON string's text, and any other value as it is written.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return clip([]byte(s))
	}
	return clip(raw)
}

// clip returns b as text that fits an error message.
func clip(b []byte) string {
	b = bytes.TrimSpace(b)
	if len(b) <= clipLength {
		return strings.ToValidUTF8(string(b), "\ufffd")
	}
	cut := clipLength
	for cut > clipLength-utf8.UTFMax && !utf8.RuneStart(b[cut]) {
		cut--
	}
	return strings.ToValidUTF8(string(b[:cut]), "\ufffd") + "…"
}
