package shape

import (
	"net/url"
	"strings"
)

// secret tells whether a text is one, by the treatment of its key or by its looks.
func secret(text string, how treat) bool {
	if how&(secretText|everything) != 0 {
		return !reference(text)
	}
	return len(text) >= shortestSecret && looksSecret(text)
}

// shortestSecret is the length below which text is never judged by its looks.
const shortestSecret = 12

// reference tells text that names a secret or resource from one that is a secret.
func reference(text string) bool {
	if strings.ContainsAny(text, " \t\r\n") {
		return false
	}
	switch {
	case strings.HasPrefix(text, "arn:"):
		return strings.Count(text, ":") >= 5
	case strings.HasPrefix(text, "projects/"), strings.HasPrefix(text, "organizations/"),
		strings.HasPrefix(text, "folders/"), strings.HasPrefix(text, "/subscriptions/"):
		return strings.Count(text, "/") >= 3
	case strings.HasPrefix(text, "//"):
		return strings.Contains(text, ".googleapis.com/")
	case strings.HasPrefix(text, "@Microsoft.KeyVault("), strings.HasPrefix(text, "{{resolve:"),
		strings.HasPrefix(text, "[parameters("):
		return true
	case strings.HasPrefix(text, "https://"):
		return vaultURL(text)
	}
	return false
}

func vaultURL(text string) bool {
	parsed, err := url.Parse(text)
	if err != nil || parsed.RawQuery != "" || parsed.User != nil {
		return false
	}
	host := strings.ToLower(parsed.Hostname())
	for _, domain := range [...]string{".vault.azure.net", ".vault.azure.cn", ".vault.usgovcloudapi.net", ".managedhsm.azure.net"} {
		if strings.HasSuffix(host, domain) {
			return true
		}
	}
	return host == "secretmanager.googleapis.com"
}

// looksSecret tells secrets by their form. Every test begins with the search for a mark that
// hardly any other text has.
func looksSecret(text string) bool {
	if strings.IndexByte(text, '=') >= 0 && (assignsSecret(text) || signedURL(text)) {
		return true
	}
	if strings.IndexByte(text, '@') >= 0 && urlWithPassword(text) {
		return true
	}
	if strings.Contains(text, "PRIVATE KEY-----") {
		return true
	}
	return marked(text)
}

// tokenMark is the beginning of a kind of token and how many letters, digits and "_-." follow it
// at least.
type tokenMark struct {
	mark string
	rest int
}

// marked finds tokens that begin with a maker's mark.
func marked(text string) bool {
	if len(text) < 20 {
		return false
	}
	for _, known := range [...]tokenMark{
		{"ghp_", 30}, {"gho_", 30}, {"ghu_", 30}, {"ghs_", 30}, {"ghr_", 30}, {"github_pat_", 30}, {"glpat-", 20},
		{"xoxb-", 20}, {"xoxp-", 20}, {"xoxa-", 20}, {"xoxr-", 20}, {"xoxs-", 20}, {"hooks.slack.com/services/", 20},
		{"AIzaSy", 33}, {"ya29.", 30}, {"GOCSPX-", 20}, {"sk_live_", 16}, {"rk_live_", 16}, {"npm_", 36},
		{"SG.", 60}, {"dop_v1_", 60},
	} {
		if i := strings.Index(text, known.mark); i >= 0 && startsWord(text, i) && wordLength(text[i+len(known.mark):]) >= known.rest {
			return true
		}
	}
	return webToken(text) || keyPair(text)
}

// startsWord tells that no letter or digit stands before the position.
func startsWord(text string, i int) bool { return i == 0 || !wordByte(text[i-1]) || text[i-1] == '/' }

func wordLength(text string) int {
	n := 0
	for n < len(text) && (wordByte(text[n]) || text[n] == '/') {
		n++
	}
	return n
}

func wordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-' || c == '.'
}

// webToken finds a JSON Web Token: three parts in base64url of which two begin like JSON.
func webToken(text string) bool {
	i := strings.Index(text, "eyJ")
	if i < 0 || !startsWord(text, i) {
		return false
	}
	token := text[i:]
	header, rest, ok := strings.Cut(token[:wordLength(token)], ".")
	return ok && len(header) >= 16 && strings.HasPrefix(rest, "eyJ") && strings.Count(rest, ".") == 1
}

// keyPair finds an AWS key id that comes with its secret. The id alone is none.
func keyPair(text string) bool {
	for _, mark := range [...]string{"AKIA", "ASIA"} {
		i := strings.Index(text, mark)
		if i < 0 || len(text) < 60 || !startsWord(text, i) || wordLength(text[i:]) < 20 {
			continue
		}
		for run, j := 0, 0; j < len(text); j++ {
			if c := text[j]; wordByte(c) && c != '.' && c != '-' && c != '_' || c == '/' || c == '+' {
				run++
			} else {
				run = 0
			}
			if run == 40 {
				return true
			}
		}
	}
	return false
}

// assignsSecret finds connection strings: a known name at the start of a field, with a value.
func assignsSecret(text string) bool {
	for _, known := range [...]string{
		"accountkey=", "sharedaccesskey=", "password=", "pwd=", "sharedsecret=", "clientsecret=", "client_secret=",
		"secret_access_key=", "apikey=", "access_token=",
	} {
		for from := 0; ; {
			i := indexFold(text[from:], known)
			if i < 0 {
				break
			}
			i += from
			from = i + len(known)
			if (i == 0 || strings.IndexByte(";&? \t\n\"'_", text[i-1]) >= 0) && assigned(text[from:]) {
				return true
			}
		}
	}
	return false
}

// assigned tells that a value follows which is no placeholder or variable.
func assigned(value string) bool {
	return len(value) >= 4 && strings.IndexByte("{<$*;& %[", value[0]) < 0
}

// indexFold finds a lower-case needle that ends with "=" in any case.
func indexFold(text, needle string) int {
	for from := 0; ; {
		i := strings.IndexByte(text[from:], '=')
		if i < 0 {
			return -1
		}
		end := from + i + 1
		if start := end - len(needle); start >= 0 && strings.EqualFold(text[start:end], needle) {
			return start
		}
		from = end
	}
}

// signedURL finds the signature of a shared access signature or of a signed URL.
func signedURL(text string) bool {
	for _, mark := range [...]string{"?sig=", "&sig=", "&X-Amz-Signature=", "&X-Goog-Signature="} {
		if i := strings.Index(text, mark); i >= 0 && len(text)-i-len(mark) >= 20 {
			return true
		}
	}
	return strings.HasPrefix(text, "sig=") && strings.Contains(text, "&se=")
}

// urlWithPassword finds user:password@host in a URL.
func urlWithPassword(text string) bool {
	_, rest, ok := strings.Cut(text, "://")
	if !ok {
		return false
	}
	if end := strings.IndexAny(rest, "/?# \t\n\"'"); end >= 0 {
		rest = rest[:end]
	}
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return false
	}
	_, password, ok := strings.Cut(rest[:at], ":")
	return ok && password != "" && strings.IndexByte("{<$*[", password[0]) < 0
}
