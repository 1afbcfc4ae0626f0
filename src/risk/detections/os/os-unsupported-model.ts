import type { Detection } from '../../detection.js'
import { isAdmittedModel } from '../../facts/organisation.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'

export const osUnsupportedModel: Detection = {
  id: 'os-unsupported-model',
  version: 1,
  category: 'os',
  platforms: ALL_PLATFORMS,
  severity: 'low',
  attack: [],
  raisesLevel: true,
  description: 'The phone is of a model that is not on the organisation\'s list (`models.allow` of the policy, as phones report them). Without a list every model is admitted.',
  sections: ['hardware'],
  needs: ['hardware.model'],
  remediation: {
    user: 'Ask your IT team for one of the phones that your organisation admits.',
    admin: 'Admit the model, or have the phone replaced.'
  },
  examples: [
    { name: 'not on the list', platform: 'android', report: { hardware: { manufacturer: 'Example', model: 'Cheap 1' } }, policy: { models: { allow: ['Pixel*', 'SM-S9*'] } }, finds: ['Cheap 1 low'] },
    { name: 'on the list, in other letters', platform: 'android', report: { hardware: { model: 'pixel 8' } }, policy: { models: { allow: ['Pixel*'] } }, finds: [] },
    { name: 'no list', platform: 'ios', report: { hardware: { model: 'iPhone9,1' } }, finds: [] },
    { name: 'no model told', platform: 'ios', report: { hardware: { manufacturer: 'Apple' } }, policy: { models: { allow: ['iPhone17,*'] } }, finds: 'unknown' }
  ],

  detect ({ state: { hardware }, policy }) {
    const model = hardware?.model
    if (model === undefined || isAdmittedModel(policy, model)) return []
    return [{
      subject: model,
      title: `The model ${model} is not one that the organisation admits.`,
      evidence: [{ path: 'hardware.model', value: model }]
    }]
  }
}
