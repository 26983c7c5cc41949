// Package config reads the one file that declares what is audited. It is strict: whatever is
// misspelt, of the wrong type or refers to nothing is told at once, each with its line and a remedy,
// and a file with a problem is never used in part.
package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Config is a checked file with defaults filled in and relative paths made absolute. References to
// secrets (env:NAME, file:/path, cred:name) stay what they are.
type Config struct {
	Organization string                                  `json:"organization"`
	Store        Store                                   `json:"store"`
	Server       Server                                  `json:"server"`
	Accounts     []Account                               `json:"accounts"`
	PolicyPacks  []Pack                                  `json:"policyPacks"`
	PolicyGroups []Group                                 `json:"policyGroups"`
	Exceptions   []Exception                             `json:"exceptions"`
	Credentials  map[string]map[string]map[string]string `json:"credentials"`
	Retention    Retention                               `json:"retention"`

	path string
	root *node
}

// Store is where everything is kept.
type Store struct {
	Path string `json:"path"`
	// MaxBytes bounds the file's size; 0 does not.
	MaxBytes int64 `json:"maxBytes"`
	// ConfigID is the configuration's identity; the file's absolute path by default.
	ConfigID string `json:"configId"`
}

// Server is where the pages and the API listen.
type Server struct {
	Listen string `json:"listen"`
}

// Account is a declared cloud account.
type Account struct {
	Name        string   `json:"name"`
	RenamedFrom string   `json:"renamedFrom"`
	Provider    string   `json:"provider"`
	Snapshot    Snapshot `json:"snapshot"`
	// AWS, GCP and Azure are the sections of accounts of these clouds, as the JSON that their providers
	// decode; empty without one.
	AWS      json.RawMessage   `json:"aws"`
	GCP      json.RawMessage   `json:"gcp"`
	Azure    json.RawMessage   `json:"azure"`
	Schedule Schedule          `json:"schedule"`
	Tags     map[string]string `json:"tags"`
}

// Snapshot is an inventory from files. Its JSON is the settings that the provider decodes.
type Snapshot struct {
	Format         string   `json:"format"`
	Path           string   `json:"path"`
	Types          []string `json:"types,omitempty"`
	Content        []string `json:"content,omitempty"`
	AccountID      string   `json:"accountId,omitempty"`
	Region         string   `json:"region,omitempty"`
	MaxRecordBytes int64    `json:"maxRecordBytes,omitempty"`
}

// Schedule says when an account is due.
type Schedule struct {
	Cron     string `json:"cron,omitempty"`
	Timezone string `json:"timezone,omitempty"`
	Jitter   string `json:"jitter,omitempty"`
}

// Pack is a built-in policy pack by its name, or one in files by its path.
type Pack struct {
	Name string `json:"name"`
	Path string `json:"path"`
}

// Group says which packs audit which accounts.
type Group struct {
	Name        string    `json:"name"`
	EntityType  string    `json:"entityType"`
	Mode        string    `json:"mode"`
	Accounts    []string  `json:"accounts"`
	Stacks      []string  `json:"stacks"`
	PolicyPacks []Applied `json:"policyPacks"`
}

// Applied is a pack as a group uses it.
type Applied struct {
	Name       string `json:"name"`
	VersionTag string `json:"versionTag"`
	// Config is the JSON of a level or an object per policy.
	Config json.RawMessage `json:"config"`
}

// Exception is a record that excuses violations.
type Exception struct {
	Name     string         `json:"name"`
	Scope    ExceptionScope `json:"scope"`
	Owner    string         `json:"owner"`
	Reason   string         `json:"reason"`
	Ticket   string         `json:"ticket"`
	Approver string         `json:"approver"`
	// Expires is a day or a time, as Moment reads it; empty for never.
	Expires string `json:"expires"`
}

// ExceptionScope says what an exception excuses.
type ExceptionScope struct {
	Policies  []string          `json:"policies"`
	Packs     []string          `json:"packs"`
	Accounts  []string          `json:"accounts"`
	Resources []string          `json:"resources"`
	Tags      map[string]string `json:"tags"`
}

// Retention says how long what is over is kept, in days: "90d". Days reads them.
type Retention struct {
	ScanLogs  string `json:"scanLogs"`
	Intervals string `json:"intervals"`
	AuditLog  string `json:"auditLog"`
}

// Options are what Load needs to know beside the file. The zero value is fine.
type Options struct {
	// Flags are values of flags by the path of their key ("store.path"), which win over all else.
	Flags map[string]Flag
	// Env looks an environment variable up; CLOUDAUDIT_STORE_PATH wins over the file's store.path.
	Env func(string) (string, bool)
	// Builtin are the names of the packs that come with the program.
	Builtin []string
	// LoadPack reads the pack at an absolute path and gives its name. If it is nil, packs in files
	// are not read, and references to packs are not checked where there are any.
	LoadPack func(path string) (string, error)
}

// Flag is the value of a flag and its name, for messages.
type Flag struct{ Name, Value string }

// maxSize bounds a file. Real ones are a thousand times smaller.
const maxSize = 4 << 20

// Load reads and checks a file. The error joins everything that is wrong with it, as Problems.
func Load(path string, options Options) (*Config, error) {
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	return parse(path, data, options)
}

func read(path string) (data []byte, err error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("configuration %s is not there: name another by --config, or make one by `cloudaudit config init > %s`", path, path)
	}
	if err != nil {
		return nil, fmt.Errorf("open configuration: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	data, err = io.ReadAll(io.LimitReader(file, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if len(data) > maxSize {
		return nil, fmt.Errorf("configuration %s is larger than %d bytes", path, maxSize)
	}
	return data, nil
}

func parse(path string, data []byte, options Options) (*Config, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find the folder of %s: %w", path, err)
	}
	c := &checker{file: path, folder: filepath.Dir(absolute), options: options}
	root := c.parse(data)
	if root == nil {
		return nil, c.err()
	}
	file := shapeOfFile()
	c.override(root)
	c.check("", root, file)
	c.names(root)
	if err := c.err(); err != nil {
		return nil, err
	}
	c.complete(root, file)
	root.field("store").setDefault("configId", absolute)
	config := &Config{path: path, root: root}
	text, err := json.Marshal(root.plain())
	if err != nil {
		return nil, fmt.Errorf("decode configuration %s: %w", path, err)
	}
	if err := json.Unmarshal(text, config); err != nil {
		return nil, fmt.Errorf("decode configuration %s: %w", path, err)
	}
	return config, nil
}

// Path is the file's, as it was named.
func (c *Config) Path() string { return c.path }

// Account gives the declared account of that name.
func (c *Config) Account(name string) (Account, bool) {
	for _, account := range c.Accounts {
		if account.Name == name {
			return account, true
		}
	}
	return Account{}, false
}

// AccountNames lists the declared accounts in the file's order.
func (c *Config) AccountNames() []string {
	names := make([]string, len(c.Accounts))
	for i, account := range c.Accounts {
		names[i] = account.Name
	}
	return names
}

// Days reads a number of days as the file writes it: "90d".
func Days(text string) time.Duration {
	days, err := strconv.Atoi(strings.TrimSuffix(text, "d"))
	if err != nil {
		return 0 // Load refuses such a file
	}
	return time.Duration(days) * 24 * time.Hour
}
