package azure

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cloudaudit/providers"
)

// Inventories: how much is read of each resource.
const (
	// Needed reads what takes a call of its own only where an enabled policy reads it.
	Needed = "needed"
	// Full reads all of it.
	Full = "full"
)

// Settings is the section "azure" of an account.
type Settings struct {
	// Subscriptions are the ids of the subscriptions to read.
	Subscriptions []string `json:"subscriptions,omitempty"`
	// ManagementGroup makes the account the parent of the subscriptions below a management group.
	ManagementGroup string `json:"managementGroup,omitempty"`
	// Tenant makes it the parent of all subscriptions of a tenant that may be read.
	Tenant string `json:"tenant,omitempty"`
	// ExcludeSubscriptions are subscriptions of a parent to leave out.
	ExcludeSubscriptions []string `json:"excludeSubscriptions,omitempty"`
	// Cloud is the Azure cloud: public by default, government or china.
	Cloud string `json:"cloud,omitempty"`
	// Endpoint is the URL of an emulator on this machine, for tests. Nothing but a loopback address is
	// taken, and no credentials are sent there.
	Endpoint string `json:"endpoint,omitempty"`
	// Inventory is Needed (the default) or Full.
	Inventory string `json:"inventory,omitempty"`
	// Credentials are the SDK's default chain where they are left out.
	Credentials Credentials `json:"credentials,omitzero"`
}

// ParseSettings decodes and checks settings. Unknown keys are errors.
func ParseSettings(data json.RawMessage) (Settings, error) {
	settings := Settings{Cloud: Public, Inventory: Needed}
	if len(bytes.TrimSpace(data)) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&settings); err != nil {
			return Settings{}, fmt.Errorf("read the section azure: %w", err)
		}
	}
	for i, id := range settings.Subscriptions {
		settings.Subscriptions[i] = strings.ToLower(id)
	}
	if err := settings.Validate(); err != nil {
		return Settings{}, err
	}
	slices.Sort(settings.Subscriptions)
	settings.Subscriptions = slices.Compact(settings.Subscriptions)
	return settings, nil
}

var (
	guid            = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	managementGroup = regexp.MustCompile(`^[A-Za-z0-9_().-]{1,90}$`)
)

// Validate joins everything that is wrong with the settings.
func (s Settings) Validate() error {
	return errors.Join(
		s.checkScope(),
		each("azure.subscriptions", s.Subscriptions),
		each("azure.excludeSubscriptions", s.ExcludeSubscriptions),
		oneOf("azure.cloud", s.Cloud, Clouds()...),
		oneOf("azure.inventory", s.Inventory, Needed, Full),
		providers.CheckEmulator("azure.endpoint", s.Endpoint),
		s.Credentials.validate(),
	)
}

// checkScope holds that there is one answer to what is read.
func (s Settings) checkScope() error {
	given := 0
	for _, is := range []bool{len(s.Subscriptions) > 0, s.ManagementGroup != "", s.Tenant != ""} {
		if is {
			given++
		}
	}
	switch {
	case given == 0:
		return errors.New("the section azure does not say what to read: add azure.subscriptions, azure.managementGroup or azure.tenant")
	case given > 1:
		return errors.New("the section azure says more than once what to read: keep one of azure.subscriptions, azure.managementGroup and azure.tenant")
	case s.ManagementGroup != "" && !managementGroup.MatchString(s.ManagementGroup):
		return fmt.Errorf("azure.managementGroup %q is no id of a management group: write the id, not the display name", s.ManagementGroup)
	case s.Tenant != "" && !guid.MatchString(s.Tenant):
		return fmt.Errorf("azure.tenant %q is no id of a tenant: write it as 00000000-0000-0000-0000-000000000000", s.Tenant)
	case len(s.ExcludeSubscriptions) > 0 && !s.parent():
		return errors.New("azure.excludeSubscriptions is for parents: leave the subscriptions out of azure.subscriptions instead")
	}
	return nil
}

func each(key string, ids []string) error {
	var errs []error
	for _, id := range ids {
		if !guid.MatchString(id) {
			errs = append(errs, fmt.Errorf("%s holds ids of subscriptions such as 00000000-0000-0000-0000-000000000000, not %q", key, id))
		}
	}
	return errors.Join(errs...)
}

func oneOf(key, value string, known ...string) error {
	if slices.Contains(known, value) {
		return nil
	}
	return fmt.Errorf("%s %q is unknown: use one of %s", key, value, strings.Join(known, ", "))
}

// parent tells whether the subscriptions are member accounts.
func (s Settings) parent() bool { return s.ManagementGroup != "" || s.Tenant != "" }

// AccountID is Azure's id of the account: of its subscription, management group or tenant. Several
// subscriptions together have none.
func (s Settings) AccountID() string {
	switch {
	case s.ManagementGroup != "":
		return s.ManagementGroup
	case s.Tenant != "":
		return strings.ToLower(s.Tenant)
	case len(s.Subscriptions) == 1:
		return s.Subscriptions[0]
	}
	return ""
}
