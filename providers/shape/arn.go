package shape

import "strings"

// ARN is what an Amazon Resource Name tells: arn:partition:service:region:account:resource.
type ARN struct {
	// Partition is aws, aws-cn, aws-us-gov and so on.
	Partition string
	Service   string
	// Region and Account are empty where the service's names have none: buckets have neither, users no
	// region. Account is "aws" for what Amazon owns.
	Region  string
	Account string
	// Resource is everything after the account: bucket, user/path/name, function:name.
	Resource string
}

// ParseARN takes an ARN apart. It reports false for text that is none.
func ParseARN(text string) (ARN, bool) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || parts[1] == "" || parts[2] == "" || parts[5] == "" {
		return ARN{}, false
	}
	return ARN{Partition: parts[1], Service: parts[2], Region: parts[3], Account: parts[4], Resource: parts[5]}, true
}

// Short is the resource's name for people: the last segment.
func (a ARN) Short() string {
	name := strings.TrimRight(a.Resource, "/:*")
	return name[strings.LastIndexAny(name, "/:")+1:]
}
