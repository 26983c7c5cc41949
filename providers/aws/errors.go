package aws

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"cloudaudit/providers"
)

// Codes of errors, by what they mean for an inventory.
var (
	deniedCodes = []string{
		"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "AuthorizationErrorException",
		"UnauthorizedAccess", "Forbidden", "ForbiddenException", "KMSAccessDeniedException", "UnauthorizedException",
	}
	expiredCodes   = []string{"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
	throttledCodes = []string{
		"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException", "TooManyRequestsException",
		"RequestLimitExceeded", "BandwidthLimitExceeded", "LimitExceededException", "RequestThrottled", "SlowDown",
		"PriorRequestNotComplete", "EC2ThrottledException", "ProvisionedThroughputExceededException",
	}
	notEnabledCodes = []string{"SubscriptionRequiredException", "OptInRequired", "InvalidAccessException", "NotSignedUp"}
	// regionOffCodes are what a region answers that the account has not turned on. The account's
	// credentials are known to be good by then.
	regionOffCodes  = []string{"AuthFailure", "UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId"}
	staleTokenCodes = []string{"InvalidNextToken", "InvalidNextTokenException", "InvalidToken", "InvalidPaginationToken", "InvalidPaginationTokenException", "InvalidMarker", "ExpiredNextTokenException"}
	clockCodes      = []string{"RequestTimeTooSkewed", "SignatureDoesNotMatch"}
)

// code gives the error's code as the service wrote it.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// status gives the HTTP status of the answer, 0 if none came.
func status(err error) int {
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

// has tells whether the error's code is one of these.
func has(err error, codes []string) bool {
	found := code(err)
	return found != "" && slices.Contains(codes, found)
}

// gone tells whether the error says that the resource is not there any more.
func gone(err error) bool {
	found := code(err)
	switch {
	case found == "":
		return false
	case strings.HasSuffix(found, "NotFound"), strings.HasSuffix(found, "NotFoundException"), strings.HasSuffix(found, "NotFoundFault"):
		return true
	}
	return slices.Contains([]string{
		"NoSuchBucket", "NoSuchEntity", "NoSuchEntityException", "NoSuchDistribution", "NonExistentQueue", "QueueDoesNotExist",
		"AWS.SimpleQueueService.NonExistentQueue", "InvalidInstanceID.NotFound", "NotFound", "ResourceNotFoundException",
	}, found)
}

// itselfCodes say of a resource that it is not there, whatever of it was asked for. Any other code that
// says so may as well mean the setting.
var itselfCodes = []string{
	"NoSuchBucket", "NoSuchEntity", "NoSuchEntityException", "NoSuchDistribution", "NonExistentQueue", "QueueDoesNotExist",
	"AWS.SimpleQueueService.NonExistentQueue", "InvalidInstanceID.NotFound", "InvalidSnapshot.NotFound", "InvalidAMIID.NotFound",
	"InvalidVpcID.NotFound", "DBSnapshotNotFound", "DBSnapshotNotFoundFault", "DBClusterSnapshotNotFoundFault", "TableNotFoundException",
	"FileSystemNotFound", "RepositoryNotFoundException", "LoadBalancerNotFound", "TrailNotFoundException", "ClusterNotFound",
}

// classify says why a call failed.
func classify(err error) providers.Class {
	var known *providers.Error
	switch {
	case errors.As(err, &known):
		return known.Class
	case errors.Is(err, context.DeadlineExceeded):
		return providers.Timeout
	case has(err, expiredCodes):
		return providers.AuthExpired
	case has(err, throttledCodes):
		return providers.Throttled
	case has(err, deniedCodes):
		return deniedBy(err)
	case has(err, notEnabledCodes):
		return providers.NotEnabled
	case has(err, regionOffCodes):
		return providers.RegionDisabled
	case isDecode(err):
		return providers.Decode
	}
	return classByStatus(err)
}

func classByStatus(err error) providers.Class {
	switch status(err) {
	case http.StatusUnauthorized:
		return providers.AuthExpired
	case http.StatusForbidden:
		return deniedBy(err)
	case http.StatusTooManyRequests:
		return providers.Throttled
	}
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return providers.Timeout
	}
	return providers.Failure
}

func isDecode(err error) bool {
	var decode *smithy.DeserializationError
	return errors.As(err, &decode) && status(err) < http.StatusBadRequest // what is no error of the service's may look like anything
}

// deniedBy tells whether the organization denies it or the account does.
func deniedBy(err error) providers.Class {
	if strings.Contains(err.Error(), "service control policy") || strings.Contains(err.Error(), "resource control policy") {
		return providers.DeniedByOrg
	}
	return providers.AccessDenied
}

// permissionName finds the action in the services' usual sentence.
var permissionName = regexp.MustCompile(`not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)`)

// permission gives the action that the caller lacks: the one that the service names, else the one
// that the call needs.
func permission(err error) string {
	if found := permissionName.FindStringSubmatch(err.Error()); found != nil {
		return found[1]
	}
	if needed := actionsOf(call(err)); len(needed) > 0 {
		return needed[0]
	}
	return ""
}

// call gives the operation that failed, as "s3.GetBucketPolicy"; empty if the error is of none.
func call(err error) string {
	var operation *smithy.OperationError
	if errors.As(err, &operation) {
		return callName(operation.ServiceID, operation.OperationName)
	}
	return ""
}

// callName spells a call as the table of calls does.
func callName(service, operation string) string {
	return strings.ToLower(strings.ReplaceAll(service, " ", "")) + "." + operation
}

// reasons say in our own words what happened. They never quote what a service answered.
var reasons = map[providers.Class]string{
	providers.AccessDenied:   "the account's policies do not allow the call",
	providers.DeniedByOrg:    "a policy of the organization denies the call",
	providers.Throttled:      "the service kept refusing the call because of too many requests",
	providers.NotEnabled:     "the service is not enabled in this region",
	providers.RegionDisabled: "the region is not enabled for the account",
	providers.AuthExpired:    "the credentials have expired and could not be renewed",
	providers.Timeout:        "the call did not end in time",
	providers.Decode:         "the answer could not be understood",
	providers.Failure:        "the call failed",
}

func reason(err error) string {
	var known *providers.Error
	if errors.As(err, &known) {
		return known.Error()
	}
	return reasonOf(classify(err), err)
}

// reasonOf is the reason of an error whose class is known.
func reasonOf(class providers.Class, err error) string {
	why := reasons[class]
	if found := code(err); found != "" && plainCode.MatchString(found) {
		why += " (" + found + ")"
	} else if at := status(err); at != 0 {
		why += fmt.Sprintf(" (HTTP %d)", at)
	}
	return why
}

// plainCode is what codes look like; anything else is not repeated.
var plainCode = regexp.MustCompile(`^[A-Za-z0-9.:_-]{1,80}$`)

// failure is an error of ours with its class.
func failure(class providers.Class, format string, arguments ...any) error {
	return &providers.Error{Class: class, Err: fmt.Errorf(format, arguments...)}
}

// explain turns an error of a call into one of a collector, with class, permission and a text that
// quotes nothing.
func explain(err error) error {
	var known *providers.Error
	if errors.As(err, &known) {
		return err
	}
	explained := &providers.Error{Class: classify(err), Err: fmt.Errorf("call %s: %s", place(err), reason(err))}
	if explained.Class == providers.AccessDenied || explained.Class == providers.DeniedByOrg {
		explained.Permission = permission(err)
	}
	return explained
}

// place names the call that failed by its IAM prefix: "s3:GetBucketPolicy".
func place(err error) string {
	service, operation, ok := strings.Cut(call(err), ".")
	if !ok {
		return "aws"
	}
	return prefixOf(service) + ":" + operation
}
