package rego

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// withheld are the built-in functions that policies do not have, and why. A pack that uses one is
// refused when it is loaded.
var withheld = map[string]string{
	"http.send":               "policies have no network",
	"net.lookup_ip_addr":      "policies have no network",
	"opa.runtime":             "policies do not see the program's environment",
	"rego.parse_module":       "policies do not compile policies",
	"trace":                   "nobody would read its notes",
	"providers.aws.sign_req":  "policies sign nothing",
	"io.jwt.encode_sign":      "policies sign nothing",
	"io.jwt.encode_sign_raw":  "policies sign nothing",
	"net.cidr_expand":         "a short text would fill the memory; compare ranges by net.cidr_contains",
	"bits.lsh":                "a short text would fill the memory",
	"strings.render_template": "a short text would fill the memory",
	"graph.reachable_paths":   "its time grows without bound; use graph.reachable",
	"crypto.x509.parse_and_verify_certificates":              "it reads another clock than the scan's",
	"crypto.x509.parse_and_verify_certificates_with_options": "it reads another clock than the scan's",
}

// clocks are the built-in functions whose result depends on the time.
var clocks = []string{"time.now_ns", "io.jwt.decode_verify"}

// capabilities are what policies can do: all of Rego but what is withheld, and our own functions.
func capabilities() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	c.Builtins = slices.DeleteFunc(c.Builtins, func(b *ast.Builtin) bool {
		_, gone := withheld[b.Name]
		return gone
	})
	for _, f := range functions {
		c.Builtins = append(c.Builtins, f.builtin())
	}
	c.AllowNet = []string{} // nil would mean any host
	return c
}
