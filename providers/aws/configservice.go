package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/configservice"
)

var configService = &service{name: "config", client: "config", listings: []*listing{recorders, deliveryChannels, configStatus}}

func (r *run) recording() *configservice.Client { return configservice.NewFromConfig(r.config()) }

// regionStatus is a type of ours that tells whether a service is on in a region. It is there on or off,
// so that a policy can ask for what is not there.
func regionStatus(service string, members fields, enabled func(ctx context.Context, r *run) (object, error)) *listing {
	name := "AWS::" + service + "::RegionStatus"
	return &listing{
		local: func(ctx context.Context, r *run, _ object) ([]object, error) {
			status, err := enabled(ctx, r)
			if has(err, notEnabledCodes) {
				status, err = object{"Enabled": false}, nil
			}
			return []object{status}, err
		},
		kind: &kind{name: name, id: name + "/{account}/{region}", fields: members},
	}
}

func configRecorders(ctx context.Context, r *run, _ object, _ *string) (*configservice.DescribeConfigurationRecordersOutput, error) {
	return once(ctx, r, "recorders", func(ctx context.Context) (*configservice.DescribeConfigurationRecordersOutput, error) {
		return r.recording().DescribeConfigurationRecorders(ctx, &configservice.DescribeConfigurationRecordersInput{})
	})
}

func recorderStatus(ctx context.Context, r *run, _ object, _ *string) (*configservice.DescribeConfigurationRecorderStatusOutput, error) {
	return once(ctx, r, "recorder status", func(ctx context.Context) (*configservice.DescribeConfigurationRecorderStatusOutput, error) {
		return r.recording().DescribeConfigurationRecorderStatus(ctx, &configservice.DescribeConfigurationRecorderStatusInput{})
	})
}

func configChannels(ctx context.Context, r *run, _ object, _ *string) (*configservice.DescribeDeliveryChannelsOutput, error) {
	return once(ctx, r, "delivery channels", func(ctx context.Context) (*configservice.DescribeDeliveryChannelsOutput, error) {
		return r.recording().DescribeDeliveryChannels(ctx, &configservice.DescribeDeliveryChannelsInput{})
	})
}

// CloudFormation has recorders and channels, but no schema says what of them can be read.

var recorders = &listing{
	items: "ConfigurationRecorders[]", token: "-", call: ask(configRecorders),
	kind: &kind{
		name: "AWS::Config::ConfigurationRecorder", id: "AWS::Config::ConfigurationRecorder/{account}/{region}/{Name}", title: "Name",
		fields: like(`Name RoleARN RecordingGroup{AllSupported ExclusionByResourceTypes{ResourceTypes:set} IncludeGlobalResourceTypes
			RecordingStrategy{UseOnly} ResourceTypes:set} RecordingMode{RecordingFrequency RecordingModeOverrides[]{Description RecordingFrequency ResourceTypes}}`),
		facets: []*facet{{
			name: "status", always: true, call: ask(func(ctx context.Context, r *run, o object, token *string) (*recorderState, error) {
				out, err := recorderStatus(ctx, r, o, token)
				if err != nil {
					return nil, err
				}
				for _, status := range list(plainObject(out), "ConfigurationRecordersStatus[]") {
					if text(status, "Name") == text(o, "Name") {
						return &recorderState{get(status, "Recording") == true, text(status, "LastStatus")}, nil
					}
				}
				return &recorderState{}, nil
			}), fields: extra(same("Recording", "LastStatus")),
		}},
	},
}

// recorderState is whether a recorder runs, and what came of its last attempt.
type recorderState struct {
	Recording  bool
	LastStatus string
}

var deliveryChannels = &listing{
	items: "DeliveryChannels[]", token: "-", call: ask(configChannels),
	kind: &kind{
		name: "AWS::Config::DeliveryChannel", id: "AWS::Config::DeliveryChannel/{account}/{region}/{Name}", title: "Name",
		fields: like("ConfigSnapshotDeliveryProperties{DeliveryFrequency} Name S3BucketName=S3BucketName S3KeyPrefix=S3KeyPrefix S3KmsKeyArn=S3KmsKeyArn SnsTopicARN"),
	},
}

var configStatus = regionStatus("Config", same("Enabled", "DeliveryChannels", "Recorders"), func(ctx context.Context, r *run) (object, error) {
	status, err := recorderStatus(ctx, r, nil, nil)
	if err != nil {
		return nil, err
	}
	channels, err := configChannels(ctx, r, nil, nil)
	if err != nil {
		return nil, err
	}
	recording := false
	for _, s := range status.ConfigurationRecordersStatus {
		recording = recording || s.Recording
	}
	return object{
		"Enabled": recording, "Recorders": number(int64(len(status.ConfigurationRecordersStatus))),
		"DeliveryChannels": number(int64(len(channels.DeliveryChannels))),
	}, nil
})
