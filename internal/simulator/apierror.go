package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// apiError is an error response of the API in vLLM's form.
type apiError struct {
	Message string `json:"message"`
	Type    string `json:"type"`
	// Param names the field at fault, null when there is none.
	Param *string `json:"param"`
	Code  int     `json:"code"`
}

func (e *apiError) Error() string { return e.Message }

// badRequest is a refusal by vLLM itself.
func badRequest(format string, args ...any) *apiError {
	return &apiError{Message: fmt.Sprintf(format, args...), Type: "BadRequestError", Code: http.StatusBadRequest}
}

// badParameter is a refusal that names the field and, unless it is nil, its value; the message repeats both.
func badParameter(param string, value any, format string, args ...any) *apiError {
	e := badRequest(format, args...)
	e.Param = &param
	e.Message += " (parameter=" + param
	if value != nil {
		e.Message += fmt.Sprintf(", value=%v", value)
	}
	e.Message += ")"
	return e
}

// notImplemented refuses what vLLM can do and the simulator cannot.
func notImplemented(what string) *apiError {
	return &apiError{Message: "the simulator does not support " + what, Type: "NotImplementedError", Code: http.StatusNotImplemented}
}

func modelNotFound(model string, served []string) *apiError {
	param := "model"
	return &apiError{
		Message: fmt.Sprintf("The model `%s` does not exist. Valid aliases: %s.", model, strings.Join(served, ", ")),
		Type:    "NotFoundError", Param: &param, Code: http.StatusNotFound,
	}
}

func internalError(message string) *apiError {
	return &apiError{Message: message, Type: "InternalServerError", Code: http.StatusInternalServerError}
}

// fieldError is one complaint of the request validation (pydantic). Its Python form goes into the message.
type fieldError struct {
	kind, loc, msg, input string
	ctx                   string // Python source of a dict, "" for none
}

func (e fieldError) String() string {
	text := fmt.Sprintf("{'type': %s, 'loc': %s, 'msg': %s, 'input': %s", pyRepr(e.kind), pyRepr(e.loc), pyRepr(e.msg), pyRepr(e.input))
	if e.ctx != "" {
		text += ", 'ctx': " + e.ctx
	}
	return text + "}"
}

// maxFieldErrors is how many complaints one response lists.
const maxFieldErrors = 10

// validationErrors is the response to a body that has the wrong shape.
func validationErrors(errs []fieldError) *apiError {
	noun := "error"
	if len(errs) > 1 {
		noun = "errors"
	}
	var message strings.Builder
	fmt.Fprintf(&message, "%d validation %s:", len(errs), noun)
	for _, e := range errs[:min(len(errs), maxFieldErrors)] {
		fmt.Fprintf(&message, "\n  %s", e)
	}
	if rest := len(errs) - maxFieldErrors; rest > 0 {
		fmt.Fprintf(&message, "\n  ...and %d more %s", rest, noun)
	}
	param := errs[0].loc
	return &apiError{Message: message.String(), Type: "Bad Request", Param: &param, Code: http.StatusBadRequest}
}

// unsupportedMedia is the response to a body that is not declared as JSON.
func unsupportedMedia() *apiError {
	return &apiError{
		Message: "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed",
		Type:    "Bad Request", Code: http.StatusBadRequest,
	}
}

// body is the error as a response body.
func (e *apiError) body() []byte {
	return encodeJSON(struct {
		Error *apiError `json:"error"`
	}{e})
}

// event is the error as an event of a stream, in Python's default spacing.
func (e *apiError) event() []byte {
	param := "null"
	if e.Param != nil {
		param = string(encodeJSON(*e.Param))
	}
	return fmt.Appendf(nil, "data: {\"error\": {\"message\": %s, \"type\": %s, \"param\": %s, \"code\": %d}}\n\n",
		encodeJSON(e.Message), encodeJSON(e.Type), param, e.Code)
}

// encodeJSON encodes a value of our own types, which cannot fail, without escaping HTML and without a final newline.
func encodeJSON(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return []byte("null")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
