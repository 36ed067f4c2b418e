package server

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// masked stands for a secret in everything that is stored or shown.
const masked = "***"

// Mask returns a copy of env (NAME=value) in which the values of variables whose name says that they are secret (HF_TOKEN,
// VLLM_API_KEY, PGPASSWORD, ...), and passwords inside URLs, are "***". Empty values stay empty, since they hide nothing.
func Mask(env []string) []string {
	out := make([]string, len(env))
	for i, entry := range env {
		name, value, ok := strings.Cut(entry, "=")
		out[i] = name
		if ok {
			out[i] = name + "=" + maskValue(name, value)
		}
	}
	return out
}

// MaskArgv returns a copy of argv in which the values of flags whose name says that they are secret (--api-key, --hf-token),
// and passwords inside URLs, are "***". A flag's values are the arguments up to the next that starts with a dash.
func MaskArgv(argv []string) []string {
	out := make([]string, len(argv))
	secret := false
	for i, arg := range argv {
		switch {
		case strings.HasPrefix(arg, "-"):
			name, value, ok := strings.Cut(arg, "=")
			secret = isSecret(name) && !ok
			out[i] = name
			if ok {
				out[i] = name + "=" + maskValue(name, value)
			}
		case secret:
			out[i] = masked
		default:
			out[i] = maskURL(arg)
		}
	}
	return out
}

func maskValue(name, value string) string {
	if value != "" && isSecret(name) {
		return masked
	}
	return maskURL(value)
}

var urlPassword = regexp.MustCompile(`(://)[^/@\s]*:[^/@\s]*@`)

func maskURL(value string) string {
	return urlPassword.ReplaceAllString(value, "${1}"+masked+"@")
}

// The last part of a word that makes a name secret (TOKEN, but not TOKENIZERS or TOKENS; PGPASSWORD; APIKEY), and the words
// that do so only as a whole (PAT in GITHUB_PAT, but not COMPAT; PWD in MYSQL_PWD).
var (
	secretEndings = []string{"TOKEN", "KEY", "SECRET", "SECRETS", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS"}
	secretWords   = []string{"PAT", "PWD", "PASS", "AUTH", "KEYS"}
	// publicNames look like secrets and are not.
	publicNames = []string{"PWD", "OLDPWD"}
)

// isSecret tells from its name whether a variable or a flag holds a secret.
func isSecret(name string) bool {
	name = strings.ToUpper(name)
	if slices.Contains(publicNames, name) {
		return false
	}
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return slices.ContainsFunc(words, func(word string) bool {
		return slices.Contains(secretWords, word) ||
			slices.ContainsFunc(secretEndings, func(end string) bool { return strings.HasSuffix(word, end) })
	})
}
