package config

import (
	"fmt"
	"path/filepath"
	"strings"
)

const sourceDefault = "default"

// envKeys are the keys that an environment variable can set. Lists stay in the file.
func envKeys() []string {
	return []string{"organization", "store.path", "store.configId", "server.listen"}
}

// EnvName is the environment variable of a key: CLOUDAUDIT_STORE_CONFIG_ID of store.configId.
func EnvName(key string) string {
	var name strings.Builder
	name.WriteString("CLOUDAUDIT_")
	for _, r := range key {
		switch {
		case r == '.':
			name.WriteByte('_')
		case r >= 'A' && r <= 'Z' && !strings.HasSuffix(name.String(), "I"):
			name.WriteString("_" + string(r))
		default:
			name.WriteString(strings.ToUpper(string(r)))
		}
	}
	return name.String()
}

// override puts variables and then flags over what the file says.
func (c *checker) override(root *node) {
	if _, ok := root.objectValue(); !ok {
		return
	}
	for _, key := range envKeys() {
		if c.options.Env != nil {
			if value, ok := c.options.Env(EnvName(key)); ok && value != "" {
				c.put(root, key, value, EnvName(key))
			}
		}
		if flag, ok := c.options.Flags[key]; ok && flag.Value != "" {
			c.put(root, key, flag.Value, "--"+flag.Name)
		}
	}
}

// put sets a key. Paths of variables and flags count from where the program was started, as users
// of shells expect.
func (c *checker) put(root *node, key, value, source string) {
	if key == "store.path" {
		if absolute, err := filepath.Abs(value); err == nil {
			value = absolute
		}
	}
	parent, name, nested := strings.Cut(key, ".")
	target := root
	if nested {
		if root.field(parent) == nil {
			root.set(parent, &node{value: &object{}, source: source})
		}
		target = root.field(parent)
	} else {
		name = parent
	}
	target.set(name, &node{value: value, source: source})
}

func (c *checker) absolute(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.folder, filepath.FromSlash(path))
}

// Entry is one effective value and where it comes from.
type Entry struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`
	Source string `json:"source"`
}

// Effective lists every value that counts, in the file's order, with its source: a line of the file,
// a variable, a flag or the default.
func (c *Config) Effective() []Entry {
	entries := []Entry{}
	c.flatten("", c.root, &entries)
	return entries
}

func (c *Config) flatten(path string, n *node, into *[]Entry) {
	switch value := n.value.(type) {
	case *object:
		if len(value.fields) > 0 {
			for _, f := range value.fields {
				c.flatten(join(path, f.name), f.node, into)
			}
			return
		}
	case []*node:
		if len(value) > 0 {
			for i, item := range value {
				c.flatten(fmt.Sprintf("%s[%d]", path, i), item, into)
			}
			return
		}
	}
	source := n.source
	if source == "" {
		source = fmt.Sprintf("%s:%d", c.path, n.line)
	}
	*into = append(*into, Entry{Key: path, Value: n.plain(), Source: source})
}

// At tells where a value stands, for problems that others find in it: the steps are names of keys
// and indices of lists. The answer ends at the last step that is there.
func (c *Config) At(steps ...any) string {
	n, path := c.root, ""
	for _, step := range steps {
		next := (*node)(nil)
		switch step := step.(type) {
		case string:
			next, path = n.field(step), join(path, step)
		case int:
			if items := n.items(); step < len(items) {
				next = items[step]
			}
			path = fmt.Sprintf("%s[%d]", path, step)
		}
		if next == nil || next.source != "" {
			break
		}
		n = next
	}
	return fmt.Sprintf("%s:%d:%d: %s", c.path, n.line, n.column, path)
}
