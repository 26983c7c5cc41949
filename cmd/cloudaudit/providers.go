package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"cloudaudit/cmd/cloudaudit/internal/config"
	"cloudaudit/providers"
	"cloudaudit/providers/aws"
	"cloudaudit/providers/azure"
	"cloudaudit/providers/gcp"
	"cloudaudit/providers/snapshot"
	"cloudaudit/store"
)

// listers is how many scopes of an account are listed at once where listing waits for a network.
const listers = 16

// atOnce is how many scopes are listed at once, by provider.
func atOnce() map[string]int {
	return map[string]int{providers.AWS: listers, providers.Azure: listers, providers.GCP: listers}
}

// connecting makes the providers, which may be used for all accounts of the configuration.
func connecting(c *config.Config) map[string]providers.Provider {
	from := references{folder: filepath.Dir(c.Path()), env: os.LookupEnv}
	return map[string]providers.Provider{
		providers.Snapshot: snapshot.New(),
		providers.AWS:      aws.New(aws.Options{Resolve: from.resolve}),
		providers.Azure:    azure.New(azure.Options{Resolve: from.resolve}),
		providers.GCP:      gcp.New(gcp.Options{Resolve: from.resolve}),
	}
}

// connectedAccount gives what the section of an account's provider says of it.
func connectedAccount(ctx context.Context, account config.Account) (providers.Account, error) {
	switch account.Provider {
	case providers.AWS:
		settings, err := aws.ParseSettings(account.AWS)
		text := cmp.Or(string(account.AWS), "{}")
		return providers.Account{Cloud: providers.AWS, CloudID: settings.AccountID(), Settings: json.RawMessage(text)}, err
	case providers.GCP:
		settings, err := gcp.ParseSettings(account.GCP)
		return providers.Account{Cloud: providers.GCP, CloudID: settings.CloudID(), Settings: account.GCP}, err
	case providers.Azure:
		settings, err := azure.ParseSettings(account.Azure)
		return providers.Account{Cloud: providers.Azure, CloudID: settings.AccountID(), Settings: account.Azure}, err
	}
	text, err := json.Marshal(account.Snapshot)
	if err != nil {
		return providers.Account{}, err
	}
	settings, err := snapshot.ParseSettings(text)
	return providers.Account{Cloud: snapshot.CloudOf(ctx, settings), CloudID: account.Snapshot.AccountID, Settings: text}, err
}

// identify fills in the cloud's id of accounts to scan whose settings do not tell it: identities of
// violations derive from it. Where it cannot be found out, the scan will say why.
func (s *scanning) identify(ctx context.Context, declared store.Declared, names []string) {
	for i := range declared.Accounts {
		account := &declared.Accounts[i].Account
		provider, able := s.providers[account.Provider].(providers.Identifier)
		if !able || account.CloudID != "" || !wanted(account.Name, names) {
			continue
		}
		id, err := provider.Identify(ctx, *account)
		if err != nil {
			fmt.Fprintf(s.stderr, "warning: whose account %s is cannot be found out: %v\n", account.Name, err)
		}
		account.CloudID = id
	}
}
