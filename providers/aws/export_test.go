package aws

import sdk "github.com/aws/aws-sdk-go-v2/aws"

// Update has golden files written anew.
var Update bool

// As makes the provider one with these base credentials, and an observer of every call.
func (p *Provider) As(credentials sdk.CredentialsProvider, observe func(call, region string)) *Provider {
	p.credentials, p.observe = credentials, observe
	return p
}
