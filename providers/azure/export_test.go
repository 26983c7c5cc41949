package azure

import "github.com/Azure/azure-sdk-for-go/sdk/azcore"

// As makes the provider one with this credential, whatever the settings say.
func (p *Provider) As(credential azcore.TokenCredential) *Provider {
	p.credential = credential
	return p
}
