package packs_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudaudit/policy"
	"cloudaudit/providers"
)

// plain is the pack gcp-foundations in Go, with its defaults: what CEL is compared with. The order
// within a type is the pack's.
var plain = map[string][]struct {
	name  string
	check func(*subject) (reports []policy.Report, applies bool)
}{
	"artifactregistry.googleapis.com/Repository":  {{"artifact-repository-public-access", publicGrants}},
	"bigquery.googleapis.com/Dataset":             {{"bigquery-dataset-public-access", datasetPublic}},
	"compute.googleapis.com/Disk":                 {{"compute-disk-customer-key", diskKey}},
	"compute.googleapis.com/RegionDisk":           {{"compute-disk-customer-key", diskKey}},
	"compute.googleapis.com/Firewall":             {{"compute-firewall-open-admin-ports", adminPorts}, {"compute-firewall-open-all-ports", allPorts}},
	"compute.googleapis.com/Network":              {{"compute-network-default", defaultNetwork}},
	"compute.googleapis.com/Project":              {{"compute-project-os-login", osLogin}},
	"compute.googleapis.com/SslPolicy":            {{"compute-ssl-policy-old-tls", oldTLS}},
	"compute.googleapis.com/Subnetwork":           {{"compute-subnet-flow-logs", flowLogs}},
	"dns.googleapis.com/ManagedZone":              {{"dns-zone-dnssec", dnssec}, {"dns-zone-weak-signature", weakSignature}},
	"iam.googleapis.com/ServiceAccountKey":        {{"iam-service-account-key-age", keyAge}},
	"cloudkms.googleapis.com/CryptoKey":           {{"kms-key-public-access", public("the key gives ", " to everyone")}, {"kms-key-rotation", rotation}},
	"logging.googleapis.com/LogBucket":            {{"logging-bucket-retention", retention}},
	"pubsub.googleapis.com/Topic":                 {{"pubsub-public-access", public("everyone has ", "")}},
	"pubsub.googleapis.com/Subscription":          {{"pubsub-public-access", public("everyone has ", "")}},
	"secretmanager.googleapis.com/Secret":         {{"secret-public-access", publicGrants}},
	"run.googleapis.com/Service":                  {{"serverless-public-invoker", publicInvoker}},
	"cloudfunctions.googleapis.com/CloudFunction": {{"serverless-public-invoker", publicInvoker}},
	"cloudresourcemanager.googleapis.com/Project": {
		{"hierarchy-public-access", hierarchyPublic}, {"project-primitive-roles", primitiveRoles},
		{"project-service-account-admin", accountAdmin}, {"project-service-account-impersonation", impersonation},
	},
	"compute.googleapis.com/Instance": {
		{"compute-instance-default-service-account", defaultAccount}, {"compute-instance-ip-forwarding", ipForwarding},
		{"compute-instance-public-ip", publicAddress}, {"compute-instance-serial-port", serialPort},
		{"compute-instance-shielded-vm", shielded},
	},
	"container.googleapis.com/Cluster": {
		{"gke-control-plane-open", controlPlane}, {"gke-legacy-abac", legacyAccess}, {"gke-network-policy", networkPolicy},
		{"gke-private-nodes", privateNodes},
	},
	"sqladmin.googleapis.com/Instance": {
		{"sql-instance-backups", backups}, {"sql-instance-deletion-protection", deletionProtection}, {"sql-instance-open-to-world", sqlOpen},
		{"sql-instance-public-ip", sqlAddress}, {"sql-instance-tls", sqlTLS},
	},
	"storage.googleapis.com/Bucket": {
		{"storage-bucket-public-access", bucketPublic}, {"storage-bucket-uniform-access", uniformAccess}, {"storage-bucket-versioning", versioning},
	},
}

// subject is what a check sees.
type subject struct {
	resource   *providers.Resource
	properties any
	bindings   []any
	now        time.Time
}

// judgePlain does in Go what the pack does in CEL.
func judgePlain(r *providers.Resource, now time.Time) []policy.Outcome {
	checks := plain[r.Type]
	if len(checks) == 0 {
		return nil
	}
	s := subject{resource: r, properties: r.Parts[providers.Properties].Value, bindings: list(r.Parts["iamPolicy"].Value, "bindings"), now: now}
	outcomes := make([]policy.Outcome, len(checks))
	for i, c := range checks {
		outcomes[i] = policy.Outcome{Policy: c.name, Verdict: policy.NotApplicable}
		if reports, applies := c.check(&s); len(reports) > 0 {
			outcomes[i].Verdict, outcomes[i].Reports = policy.Violates, merged(reports)
		} else if applies {
			outcomes[i].Verdict = policy.Compliant
		}
	}
	return outcomes
}

// merged sorts reports and joins those of one key.
func merged(reports []policy.Report) []policy.Report {
	slices.SortStableFunc(reports, func(a, b policy.Report) int { return strings.Compare(a.Key, b.Key) })
	out := reports[:1]
	for _, r := range reports[1:] {
		switch last := &out[len(out)-1]; {
		case last.Key != r.Key:
			out = append(out, r)
		case !slices.Contains(strings.Split(last.Message, "; "), r.Message):
			last.Message += "; " + r.Message
		}
	}
	return out
}

// get selects a path of keys, nil where there is nothing.
func get(value any, keys ...string) any {
	for _, key := range keys {
		object, _ := value.(map[string]any)
		value = object[key]
	}
	return value
}

func str(value any, keys ...string) string {
	s, _ := get(value, keys...).(string)
	return s
}

func list(value any, keys ...string) []any {
	l, _ := get(value, keys...).([]any)
	return l
}

func is(value any, keys ...string) bool { return get(value, keys...) == true }

// unless reports the message if the condition does not hold.
func unless(holds bool, key, message string) []policy.Report {
	if holds {
		return nil
	}
	return []policy.Report{{Key: key, Message: message}}
}

func diskKey(s *subject) ([]policy.Report, bool) {
	key := get(s.properties, "diskEncryptionKey")
	return unless(str(key, "kmsKeyName") != "" || str(key, "sha256") != "", "", "encrypted with Google's key only"), true
}

func world(p any) bool {
	ranges := list(p, "sourceRanges")
	return slices.ContainsFunc(ranges, func(r any) bool { return strings.HasSuffix(r.(string), "/0") }) ||
		len(ranges)+len(list(p, "sourceTags"))+len(list(p, "sourceServiceAccounts")) == 0
}

func ingress(p any) bool { return str(p, "direction") != "EGRESS" && !is(p, "disabled") }

func adminPorts(s *subject) (reports []policy.Report, _ bool) {
	if !ingress(s.properties) {
		return nil, false
	}
	for _, port := range []int{22, 3389} {
		open := slices.ContainsFunc(list(s.properties, "allowed"), func(a any) bool {
			return slices.Contains([]string{"tcp", "6", "all"}, strings.ToLower(str(a, "IPProtocol"))) && opens(list(a, "ports"), port)
		}) && world(s.properties)
		reports = append(reports, unless(!open, strconv.Itoa(port), "TCP port "+strconv.Itoa(port)+" is open to the internet")...)
	}
	return reports, true
}

func opens(ports []any, port int) bool {
	return len(ports) == 0 || slices.ContainsFunc(ports, func(p any) bool {
		low, high, isRange := strings.Cut(p.(string), "-")
		first, _ := strconv.Atoi(low)
		last := first
		if isRange {
			last, _ = strconv.Atoi(high)
		}
		return first <= port && port <= last
	})
}

func allPorts(s *subject) (reports []policy.Report, _ bool) {
	if !ingress(s.properties) {
		return nil, false
	}
	for _, a := range list(s.properties, "allowed") {
		protocol, ports := str(a, "IPProtocol"), list(a, "ports")
		open := slices.Contains([]string{"all", "tcp", "6", "udp", "17"}, strings.ToLower(protocol)) && (len(ports) == 0 ||
			slices.Contains(ports, any("0-65535")) || slices.Contains(ports, any("1-65535"))) && world(s.properties)
		reports = append(reports, unless(!open, protocol, "every port of protocol "+protocol+" is open to the internet")...)
	}
	return reports, true
}

func defaultAccount(s *subject) ([]policy.Report, bool) {
	found := slices.ContainsFunc(list(s.properties, "serviceAccounts"), func(a any) bool {
		email := str(a, "email")
		return (email == "default" || strings.HasSuffix(email, "-compute@developer.gserviceaccount.com")) &&
			slices.Contains(list(a, "scopes"), any("https://www.googleapis.com/auth/cloud-platform"))
	})
	return unless(!found, "", "runs as the default service account with access to all APIs"), true
}

func ipForwarding(s *subject) ([]policy.Report, bool) {
	labels, _ := get(s.properties, "labels").(map[string]any)
	if _, isNode := labels["goog-gke-node"]; isNode {
		return nil, false
	}
	return unless(!is(s.properties, "canIpForward"), "", "the instance forwards packets of others"), true
}

func publicAddress(s *subject) (reports []policy.Report, _ bool) {
	for _, nic := range list(s.properties, "networkInterfaces") {
		name := str(nic, "name")
		if name == "" {
			name = "nic0"
		}
		closed := len(list(nic, "accessConfigs"))+len(list(nic, "ipv6AccessConfigs")) == 0
		reports = append(reports, unless(closed, name, "interface "+name+" has a public address")...)
	}
	return reports, true
}

// on tells whether a metadata item is set and true.
func on(items []any, name string) bool {
	return slices.ContainsFunc(items, func(i any) bool {
		return str(i, "key") == name && slices.Contains([]string{"1", "true", "y", "yes"}, strings.ToLower(str(i, "value")))
	})
}

func serialPort(s *subject) ([]policy.Report, bool) {
	return unless(!on(list(s.properties, "metadata", "items"), "serial-port-enable"), "", "the interactive serial port is on"), true
}

func osLogin(s *subject) ([]policy.Report, bool) {
	return unless(on(list(s.properties, "commonInstanceMetadata", "items"), "enable-oslogin"), "", "OS Login is not on for the project"), true
}

func shielded(s *subject) ([]policy.Report, bool) {
	config := get(s.properties, "shieldedInstanceConfig")
	return slices.Concat(
		unless(is(config, "enableVtpm"), "vtpm", "the virtual TPM is off"),
		unless(is(config, "enableIntegrityMonitoring"), "integrity-monitoring", "integrity monitoring is off"),
		unless(is(config, "enableSecureBoot"), "secure-boot", "Secure Boot is off"),
	), true
}

func defaultNetwork(s *subject) ([]policy.Report, bool) {
	return slices.Concat(
		unless(str(s.properties, "name") != "default", "default", "the default network is there"),
		unless(str(s.properties, "IPv4Range") == "", "legacy", "the network is a legacy network without subnets"),
	), true
}

func oldTLS(s *subject) ([]policy.Report, bool) {
	version, profile := "TLS_1_0", "COMPATIBLE" // what a policy without them has
	if given := str(s.properties, "minTlsVersion"); given != "" {
		version = given
	}
	if given := str(s.properties, "profile"); given != "" {
		profile = given
	}
	return slices.Concat(
		unless(version == "TLS_1_2" || version == "TLS_1_3", "min-tls", version+" is allowed"),
		unless(slices.Contains([]string{"MODERN", "RESTRICTED", "FIPS_202205"}, profile),
			"profile", "profile "+profile+" allows weak ciphers"),
	), true
}

func flowLogs(s *subject) ([]policy.Report, bool) {
	if purpose := str(s.properties, "purpose"); purpose != "" && purpose != "PRIVATE" && purpose != "PRIVATE_RFC_1918" {
		return nil, false
	}
	return unless(is(s.properties, "logConfig", "enable") || is(s.properties, "enableFlowLogs"), "", "flow logs are off"), true
}

func dnssec(s *subject) ([]policy.Report, bool) {
	if visibility := str(s.properties, "visibility"); visibility == "private" || visibility == "PRIVATE" {
		return nil, false
	}
	state := str(s.properties, "dnssecConfig", "state")
	return unless(slices.Contains([]string{"on", "ON", "transfer", "TRANSFER"}, state), "", "the zone is not signed"), true
}

func weakSignature(s *subject) (reports []policy.Report, _ bool) {
	if strings.ToLower(str(s.properties, "dnssecConfig", "state")) != "on" {
		return nil, false
	}
	for _, spec := range list(s.properties, "dnssecConfig", "defaultKeySpecs") {
		kind, signs := str(spec, "keyType"), "zone"
		if strings.HasPrefix(strings.ToLower(kind), "key") {
			signs = "key"
		}
		algorithm := strings.ToLower(str(spec, "algorithm"))
		reports = append(reports, unless(algorithm != "rsasha1" && algorithm != "rsa_sha1",
			kind, "the "+signs+"-signing key is RSASHA1")...)
	}
	return reports, true
}

func controlPlane(s *subject) ([]policy.Report, bool) {
	if is(s.properties, "privateClusterConfig", "enablePrivateEndpoint") {
		return nil, true
	}
	networks := get(s.properties, "masterAuthorizedNetworksConfig")
	reports := unless(is(networks, "enabled"), "", "the control plane answers any address")
	for _, block := range list(networks, "cidrBlocks") {
		cidr := str(block, "cidrBlock")
		reports = append(reports, unless(!strings.HasSuffix(cidr, "/0"), cidr, "the authorized networks hold "+cidr)...)
	}
	return reports, true
}

func legacyAccess(s *subject) ([]policy.Report, bool) {
	return unless(!is(s.properties, "legacyAbac", "enabled"), "", "legacy authorization is on"), true
}

func networkPolicy(s *subject) ([]policy.Report, bool) {
	return unless(is(s.properties, "networkPolicy", "enabled") || is(s.properties, "autopilot", "enabled") ||
		str(s.properties, "networkConfig", "datapathProvider") == "ADVANCED_DATAPATH", "", "network policies are not enforced"), true
}

func privateNodes(s *subject) ([]policy.Report, bool) {
	return unless(is(s.properties, "privateClusterConfig", "enablePrivateNodes") ||
		is(s.properties, "networkConfig", "defaultEnablePrivateNodes"), "", "nodes get public addresses"), true
}

func keyAge(s *subject) ([]policy.Report, bool) {
	if str(s.properties, "keyType") != "USER_MANAGED" || is(s.properties, "disabled") {
		return nil, false
	}
	made, _ := time.Parse(time.RFC3339, str(s.properties, "validAfterTime"))
	days := int(s.now.Sub(made).Hours()) / 24
	return unless(days <= 90, "", "the key is "+strconv.Itoa(days)+" days old; 90 are allowed"), true
}

func rotation(s *subject) ([]policy.Report, bool) {
	if state := str(s.properties, "primary", "state"); str(s.properties, "purpose") != "ENCRYPT_DECRYPT" ||
		state == "DESTROYED" || state == "DESTROY_SCHEDULED" {
		return nil, false
	}
	period, err := time.ParseDuration(str(s.properties, "rotationPeriod"))
	if err != nil {
		return unless(false, "", "the key never rotates"), true
	}
	days := int(period.Hours()) / 24
	return unless(days <= 90, "", "the key rotates every "+strconv.Itoa(days)+" days; 90 are allowed"), true
}

func retention(s *subject) ([]policy.Report, bool) {
	if s.resource.Name == "_Required" {
		return nil, false
	}
	days := int64(30)
	if n, given := get(s.properties, "retentionDays").(json.Number); given {
		days, _ = n.Int64()
	}
	return unless(days >= 90, "", "entries are kept for "+strconv.FormatInt(days, 10)+" days; 90 are wanted"), true
}

func backups(s *subject) ([]policy.Report, bool) {
	if kind := str(s.properties, "instanceType"); kind != "" && kind != "CLOUD_SQL_INSTANCE" {
		return nil, false
	}
	return unless(is(s.properties, "settings", "backupConfiguration", "enabled"), "", "automated backups are off"), true
}

func deletionProtection(s *subject) ([]policy.Report, bool) {
	if kind := str(s.properties, "instanceType"); kind != "" && kind != "CLOUD_SQL_INSTANCE" {
		return nil, false
	}
	return unless(is(s.properties, "settings", "deletionProtectionEnabled"), "", "one call deletes the instance"), true
}

func sqlOpen(s *subject) (reports []policy.Report, _ bool) {
	for _, network := range list(s.properties, "settings", "ipConfiguration", "authorizedNetworks") {
		value := str(network, "value")
		reports = append(reports, unless(!strings.HasSuffix(value, "/0"), value, "any address in "+value+" may connect")...)
	}
	return reports, true
}

func sqlAddress(s *subject) ([]policy.Report, bool) {
	if str(s.properties, "instanceType") == "ON_PREMISES_INSTANCE" {
		return nil, false
	}
	primary := slices.ContainsFunc(list(s.properties, "ipAddresses"), func(a any) bool { return str(a, "type") == "PRIMARY" })
	return unless(!primary && !is(s.properties, "settings", "ipConfiguration", "ipv4Enabled"), "", "the instance has a public address"), true
}

func sqlTLS(s *subject) ([]policy.Report, bool) {
	if str(s.properties, "instanceType") == "ON_PREMISES_INSTANCE" {
		return nil, false
	}
	config := get(s.properties, "settings", "ipConfiguration")
	mode := str(config, "sslMode")
	return unless(mode == "ENCRYPTED_ONLY" || mode == "TRUSTED_CLIENT_CERTIFICATE_REQUIRED" || is(config, "requireSsl"),
		"", "connections without TLS are accepted"), true
}

func uniformAccess(s *subject) ([]policy.Report, bool) {
	config := get(s.properties, "iamConfiguration")
	return unless(is(config, "uniformBucketLevelAccess", "enabled") || is(config, "bucketPolicyOnly", "enabled"),
		"", "object ACLs can give access that the bucket's policy does not show"), true
}

func versioning(s *subject) ([]policy.Report, bool) {
	return unless(is(s.properties, "versioning", "enabled") || get(s.properties, "retentionPolicy", "retentionPeriod") != nil,
		"", "neither object versioning nor a retention policy is set"), true
}
