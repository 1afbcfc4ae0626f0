/** The app role that our API wants of those who read (contract, "Relying parties"). */
export const READ_ROLE = 'threat_state.read'

/** An app of a customer's, known by a token that Entra issued to it for us. */
export interface PartnerCaller {
  /** Ours. */
  readonly tenantId: string
  readonly entraTenantId: string
  /** `oid`: the app's service principal in that tenant. */
  readonly objectId: string
  /** `azp` or `appid`. */
  readonly clientId: string
}

/** One caller, wherever it calls from: Microsoft's advice is `tid` and `oid` together. */
export const callerKey = ({ entraTenantId, objectId }: PartnerCaller): string => `${entraTenantId}:${objectId}`
