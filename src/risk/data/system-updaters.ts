/**
 * Packages that fetch and install system updates, by maker. From MVT's list of them
 * (mvt-project/mvt, src/mvt/android/utils.py, SYSTEM_UPDATE_PACKAGES); on Google's and most other
 * phones the Play services do it.
 */
export const SYSTEM_UPDATERS: ReadonlySet<string> = new Set([
  'com.android.updater',
  'com.google.android.gms',
  'com.huawei.android.hwouc',
  'com.lge.lgdmsclient',
  'com.motorola.ccc.ota',
  'com.oneplus.opbackup',
  'com.oppo.ota',
  'com.transsion.systemupdate',
  'com.wssyncmldm'
])
