package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	guarddutytypes "github.com/aws/aws-sdk-go-v2/service/guardduty/types"
)

var guarddutyService = &service{name: "guardduty", client: "guardduty", listings: []*listing{detectors, guarddutyStatus}}

func (r *run) guardduty() *guardduty.Client { return guardduty.NewFromConfig(r.config()) }

// detectorIDs lists the detectors of a region: one, or none.
func detectorIDs(ctx context.Context, r *run, _ object, _ *string) (*guardduty.ListDetectorsOutput, error) {
	return once(ctx, r, "detectors", func(ctx context.Context) (*guardduty.ListDetectorsOutput, error) {
		return r.guardduty().ListDetectors(ctx, &guardduty.ListDetectorsInput{MaxResults: sdk.Int32(50)})
	})
}

func detector(ctx context.Context, r *run, o object, _ *string) (*guardduty.GetDetectorOutput, error) {
	id := text(o, "Id")
	return once(ctx, r, "detector "+id, func(ctx context.Context) (*guardduty.GetDetectorOutput, error) {
		return r.guardduty().GetDetector(ctx, &guardduty.GetDetectorInput{DetectorId: &id})
	})
}

var detectors = &listing{
	items: "DetectorIds[]", key: "Id", token: "-", call: ask(detectorIDs),
	kind: &kind{
		name: "AWS::GuardDuty::Detector", id: "arn:{partition}:guardduty:{region}:{account}:detector/{Id}", uid: "CreatedAt", tags: "Tags",
		fields: same("Id"),
		facets: []*facet{{
			name: "detector", always: true, tags: true, call: ask(detector),
			fields: join(
				by("Enable", "Status", is("ENABLED")), like("FindingPublishingFrequency Features[]{AdditionalConfiguration[]{Name Status} Name Status}:set"),
				nest("DataSources", "DataSources",
					nest("Kubernetes", "Kubernetes", nest("AuditLogs", "AuditLogs", by("Enable", "Status", is("ENABLED")))),
					nest("MalwareProtection", "MalwareProtection", nest("ScanEc2InstanceWithFindings", "ScanEc2InstanceWithFindings", by("EbsVolumes", "EbsVolumes.Status", is("ENABLED")))),
					nest("S3Logs", "S3Logs", by("Enable", "Status", is("ENABLED")))),
				extra(same("CreatedAt")),
			),
		}},
	},
}

var guarddutyStatus = regionStatus("GuardDuty", same("Enabled"), func(ctx context.Context, r *run) (object, error) {
	listed, err := detectorIDs(ctx, r, nil, nil)
	if err != nil {
		return nil, err
	}
	on := false
	for _, id := range listed.DetectorIds {
		read, err := detector(ctx, r, object{"Id": id}, nil)
		if err != nil {
			return nil, err
		}
		on = on || read.Status == guarddutytypes.DetectorStatusEnabled
	}
	return object{"Enabled": on}, nil
})
