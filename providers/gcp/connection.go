package gcp

import (
	"context"
	"time"

	asset "cloud.google.com/go/asset/apiv1"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"cloudaudit/providers"
)

// callTimeout bounds a call: a page of large assets takes its time.
const callTimeout = time.Minute

// connect makes a client of the Cloud Asset API. Whoever asked for it closes it. Credentials that are no
// good show here, before anything is called.
func (s *session) connect(ctx context.Context) (*asset.Client, error) {
	options, err := s.clientOptions(ctx)
	if err != nil {
		return nil, err
	}
	client, err := asset.NewClient(ctx, options...)
	if err != nil {
		return nil, failure(providers.Failure, "make a client of the Cloud Asset API: check gcp.credentials and gcp.quotaProject")
	}
	// Calls are tried again by us, who know the quota, and not by the client as well.
	client.CallOptions.ListAssets = []gax.CallOption{gax.WithTimeout(callTimeout)}
	return client, nil
}

func (s *session) clientOptions(ctx context.Context) ([]option.ClientOption, error) {
	options := []option.ClientOption{option.WithUserAgent("cloudaudit"), option.WithTelemetryDisabled()}
	if s.settings.Endpoint != "" {
		return append(options, option.WithEndpoint(s.settings.Endpoint), option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials()))), nil
	}
	if s.settings.QuotaProject != "" {
		options = append(options, option.WithQuotaProject(s.settings.QuotaProject))
	}
	found, err := s.credentials(ctx)
	if err != nil {
		return nil, err
	}
	return append(options, option.WithAuthCredentials(found)), nil
}
