package gcp

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cloudaudit/providers"
)

// Reasons that Google Cloud gives for errors, in their details.
const (
	serviceDisabled   = "SERVICE_DISABLED"
	billingDisabled   = "BILLING_DISABLED"
	userProjectDenied = "USER_PROJECT_DENIED"
	policyViolated    = "SECURITY_POLICY_VIOLATED"
	orgRestricted     = "ORG_RESTRICTION_VIOLATION"
)

// useQuota is the permission to have calls count against a project.
const useQuota = "serviceusage.services.use"

// classes are what codes mean, where the reason does not tell more.
var classes = map[codes.Code]providers.Class{
	codes.PermissionDenied:  providers.AccessDenied,
	codes.ResourceExhausted: providers.Throttled,
	codes.Unauthenticated:   providers.AuthExpired,
	codes.DeadlineExceeded:  providers.Timeout,
}

// classify says why a call failed.
func classify(err error) providers.Class {
	if errors.Is(err, context.DeadlineExceeded) {
		return providers.Timeout
	}
	switch info(err).GetReason() {
	case serviceDisabled, billingDisabled:
		return providers.NotEnabled
	case policyViolated, orgRestricted:
		return providers.DeniedByOrg
	}
	if class, known := classes[status.Code(err)]; known {
		return class
	}
	return providers.Failure
}

// details gives the first detail of a kind, the zero one if there is none.
func details[T any](err error) (found T) {
	of, _ := status.FromError(err)
	for _, detail := range of.Details() {
		if match, is := detail.(T); is {
			return match
		}
	}
	return found
}

func info(err error) *errdetails.ErrorInfo { return details[*errdetails.ErrorInfo](err) }

// rest gives how long Google Cloud wants no call, 0 if it does not say.
func rest(err error) time.Duration {
	return details[*errdetails.RetryInfo](err).GetRetryDelay().AsDuration()
}

// permissionName is what permissions look like; anything else is not repeated.
var permissionName = regexp.MustCompile(`^[a-z][A-Za-z0-9]*(\.[A-Za-z0-9]+){2}$`)

// permission gives what the caller lacks: what Google Cloud names, else what the content type needs.
func permission(err error, content string) string {
	if info(err).GetReason() == userProjectDenied {
		return useQuota
	}
	if named := info(err).GetMetadata()["permission"]; permissionName.MatchString(named) {
		return named
	}
	return permissionOf(content)
}

// reasons say in our own words what happened. They never quote what was answered.
var reasons = map[providers.Class]string{
	providers.AccessDenied: "the caller's roles do not allow it",
	providers.DeniedByOrg:  "a policy of the organization denies it",
	providers.Throttled:    "too many calls for the quota of the project that they count against",
	providers.NotEnabled:   "the Cloud Asset API is not enabled in the project that calls count against",
	providers.AuthExpired:  "the credentials are not valid and could not be renewed",
	providers.Timeout:      "the call did not end in time",
	providers.Failure:      "the call failed",
}

// consumerName is what a project looks like in details of errors; anything else is not repeated.
var consumerName = regexp.MustCompile(`^projects/[a-z0-9:.-]{1,64}$`)

// reason says what happened, with the code, and the project that has to be looked at.
func reason(err error) string {
	class := classify(err)
	why := reasons[class]
	switch {
	case info(err).GetReason() == billingDisabled:
		why = "billing is off in the project that calls count against"
	case info(err).GetReason() == userProjectDenied:
		why = "the caller may not use the quota of the project that calls count against"
	case status.Code(err) == codes.NotFound:
		why = "there is no such project, folder or organization"
	}
	if project := info(err).GetMetadata()["consumer"]; class == providers.NotEnabled && consumerName.MatchString(project) {
		why += " (" + project + ")"
	}
	return fmt.Sprintf("%s (%s)", why, status.Code(err))
}

// failure is an error of ours with its class.
func failure(class providers.Class, format string, arguments ...any) error {
	return &providers.Error{Class: class, Err: fmt.Errorf(format, arguments...)}
}

// explain turns an error of a listing into one of a collector, with class, permission and a text that
// quotes nothing.
func explain(err error, content string) error {
	var known *providers.Error
	if errors.As(err, &known) {
		return err
	}
	explained := &providers.Error{Class: classify(err), Err: fmt.Errorf("list assets (%s): %s", content, reason(err))}
	if explained.Class == providers.AccessDenied || explained.Class == providers.DeniedByOrg {
		explained.Permission = permission(err, content)
	}
	return explained
}

// coded tells whether an error of a call has one of the codes.
func coded(err error, among ...codes.Code) bool {
	for _, code := range among {
		if err != nil && status.Code(err) == code {
			return true
		}
	}
	return false
}
