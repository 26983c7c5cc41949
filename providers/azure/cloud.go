package azure

import "github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"

// The Azure clouds.
const (
	Public     = "public"
	Government = "government"
	China      = "china"
)

// Clouds lists the Azure clouds.
func Clouds() []string { return []string{Public, Government, China} }

// cloudOf says where a cloud's services are; an emulator stands for all of them.
func cloudOf(settings Settings) cloud.Configuration {
	if settings.Endpoint != "" {
		return cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: settings.Endpoint, Audience: settings.Endpoint},
		}}
	}
	switch settings.Cloud {
	case Government:
		return cloud.AzureGovernment
	case China:
		return cloud.AzureChina
	}
	return cloud.AzurePublic
}
