package rego_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

const tracedRule = `package ports

# METADATA
# custom:
#   types: [T]
deny contains msg if {
	some port in input.properties.ports
	risky(port)
	not input.properties.closed
	name := upper(input.name)
	input.properties.secret == "x"
	msg := sprintf("%s opens port %d", [name, port])
}

risky(port) if port == 22
`

// TestTrace shows the expressions that a policy came to with what they gave: values, whether they held,
// and what was unread.
func TestTrace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		properties string
		unread     []providers.Unread
		want       []string
	}{
		"violation": {`{"ports": [80, 22], "secret": "x"}`, nil, []string{
			"violation",
			"rule deny some port in input.properties.ports = true, port = 22",
			"rule deny risky(port) = true, port = 22",
			"rule deny not input.properties.closed = true",
			`rule deny upper(input.name) = "N"`,
			`rule deny input.name = "n"`,
			`rule deny name := upper(input.name) = "N"`,
			`rule deny input.properties.secret == "x" = true`,
			`rule deny sprintf("%s opens port %d", [name, port]) = "N opens port 22"`,
			`rule deny msg := sprintf("%s opens port %d", [name, port]) = "N opens port 22"`,
			"rule risky port == 22 = true, port = 22",
		}},
		"compliant": {`{"ports": [80]}`, nil, []string{
			"compliant",
			"rule deny some port in input.properties.ports = true, port = 80",
			"rule deny risky(port) = false",
			"rule risky port == 22 = false",
		}},
		"negated": {`{"ports": [22], "closed": true}`, nil, []string{
			"compliant",
			"rule deny some port in input.properties.ports = true, port = 22",
			"rule deny risky(port) = true, port = 22",
			"rule deny not input.properties.closed = false",
			"rule risky port == 22 = true, port = 22",
		}},
		"unknown": {`{"ports": [22]}`, []providers.Unread{{Path: "/properties/secret", Class: providers.AccessDenied}}, []string{
			"unknown",
			"rule deny some port in input.properties.ports = true, port = 22",
			"rule deny risky(port) = true, port = 22",
			"rule deny not input.properties.closed = true",
			`rule deny upper(input.name) = "N"`,
			`rule deny input.name = "n"`,
			`rule deny name := upper(input.name) = "N"`,
			`rule deny input.properties.secret == "x" = unknown: /properties/secret access_denied`,
			"rule risky port == 22 = true, port = 22",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pack, engine := load(t, files(tracedRule))
			config, err := policy.Reconcile(pack, nil)
			if err != nil {
				t.Fatal(err)
			}
			input := policy.Input{Account: &providers.Account{}, Resource: resource(t, test.properties), Unread: test.unread}
			trace, err := engine.Trace(t.Context(), pack, policy.SessionOptions{Config: config}, pack.Policies[0].Name, input)
			if err != nil {
				t.Fatal(err)
			}
			got := []string{string(trace.Outcome.Verdict)}
			for _, s := range trace.Steps {
				if !strings.HasPrefix(s.Place, "policies.rego:") {
					t.Errorf("%s stands at %s", s.Expression, s.Place)
				}
				got = append(got, s.Of+" "+s.Expression+" = "+s.Value)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("trace (-want +got):\n%s", diff)
			}
		})
	}
}
