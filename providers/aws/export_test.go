package aws

import (
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
)

// Update has golden files written anew.
var Update bool

// Hasten makes a provider for an emulator: with these base credentials, calls as fast as they come,
// short waits between attempts, and an observer of every call.
func (p *Provider) Hasten(credentials sdk.CredentialsProvider, observe func(call, region string)) *Provider {
	p.credentials, p.haste, p.backoff, p.observe = credentials, 1e6, time.Millisecond, observe
	return p
}
